// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
// lifecycle_tls.cc - C++ thread_local objects whose constructors and destructors use the heap.
// The objects are used in different orders and destroyed at thread exit, around pthread keys; the
// main thread's are destroyed in exit.
#include "support/check.h"

#include <map>
#include <memory>
#include <pthread.h>
#include <string>
#include <vector>

namespace
{

constexpr int thread_count = 1000;
long destroyed_count;

// Allocates when it is destroyed, too, and shows whether its contents survived.
class Keeper
{
  public:
    explicit Keeper(char letter) : letter_(letter), text_(200, letter)
    {
    }

    ~Keeper()
    {
        CHECK(text_ == std::string(200, letter_));
        std::vector<std::string> words;
        for (int i = 0; i < 20; i++)
            words.push_back(text_ + std::to_string(i));
        CHECK(words.back() == text_ + "19");
        auto large = std::make_unique<char[]>(300000);
        large[299999] = letter_;
        __atomic_add_fetch(&destroyed_count, 1, __ATOMIC_RELAXED);
    }

    Keeper(const Keeper &) = delete;
    Keeper &operator=(const Keeper &) = delete;

    size_t size() const
    {
        return text_.size();
    }

  private:
    char letter_;
    std::string text_;
};

thread_local Keeper first('a');
thread_local std::map<int, std::string> numbers;
thread_local Keeper second('b');
pthread_key_t key;

void destroy_key(void *value)
{
    auto *keeper = static_cast<Keeper *>(value);
    delete keeper;
}

void *live(void *argument)
{
    bool key_first = argument != nullptr;
    if (key_first)
        pthread_setspecific(key, new Keeper('k'));
    for (int i = 0; i < 50; i++)
        numbers[i] = std::string(static_cast<size_t>(i) * 10, 'n');
    CHECK_EQ(second.size() + first.size(), 400);
    CHECK_EQ(numbers[49].size(), 490);
    if (!key_first)
        pthread_setspecific(key, new Keeper('k'));
    return nullptr;
}

} // namespace

int main()
{
    CHECK_EQ(pthread_key_create(&key, destroy_key), 0);
    for (int done = 0; done < thread_count; done += 2) {
        pthread_t threads[2];
        CHECK_EQ(pthread_create(&threads[0], nullptr, live, nullptr), 0);
        CHECK_EQ(pthread_create(&threads[1], nullptr, live, &key), 0);
        CHECK_EQ(pthread_join(threads[0], nullptr), 0);
        CHECK_EQ(pthread_join(threads[1], nullptr), 0);
    }
    CHECK_EQ(destroyed_count, 3L * thread_count);
    live(nullptr);
    return check_done();
}
