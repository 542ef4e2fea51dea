// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
//
// wordcount.cc - counts the words and word pairs of real text, with several threads.
// usage: wordcount [--threads N] [--megabytes N] FILE_OR_FOLDER...
// Readers split files into words, counters count them: every string is born in one thread and dies
// in another, as requests do in a server. The output depends on the input only, so that two runs
// with two allocators can be compared byte for byte.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace
{

namespace fs = std::filesystem;

using Words = std::vector<std::string>;
using Counts = std::unordered_map<std::string, std::uint64_t>;

// A bounded queue of word lists; close() lets the takers finish.
class Channel
{
  public:
    void put(Words words)
    {
        std::unique_lock<std::mutex> lock(mutex_);
        not_full_.wait(lock, [this] { return queue_.size() < 64; });
        queue_.push_back(std::move(words));
        not_empty_.notify_one();
    }

    bool take(Words &words)
    {
        std::unique_lock<std::mutex> lock(mutex_);
        not_empty_.wait(lock, [this] { return !queue_.empty() || closed_; });
        if (queue_.empty())
            return false;
        words = std::move(queue_.front());
        queue_.pop_front();
        not_full_.notify_one();
        return true;
    }

    void close()
    {
        std::lock_guard<std::mutex> lock(mutex_);
        closed_ = true;
        not_empty_.notify_all();
    }

  private:
    std::mutex mutex_;
    std::condition_variable not_empty_;
    std::condition_variable not_full_;
    std::deque<Words> queue_;
    bool closed_ = false;
};

struct Tally {
    Counts words;
    Counts pairs;
    std::uint64_t total = 0;
};

bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// Sorted by path and cut at byte_limit, so that the order of the file system does not matter.
std::vector<std::string> find_files(const std::vector<std::string> &roots, std::uint64_t byte_limit)
{
    std::vector<std::pair<std::string, std::uint64_t>> found;
    for (const std::string &root : roots) {
        std::error_code error;
        if (fs::is_regular_file(root, error)) {
            found.emplace_back(root, fs::file_size(root, error));
            continue;
        }
        auto options = fs::directory_options::skip_permission_denied;
        for (fs::recursive_directory_iterator at(root, options, error), end; at != end;
             at.increment(error)) {
            if (error)
                break;
            const bool is_text =
                at->path().extension() != ".gz" && at->path().extension() != ".pyc";
            if (is_text && !at->is_symlink(error) && at->is_regular_file(error))
                found.emplace_back(at->path().string(), at->file_size(error));
        }
    }
    std::sort(found.begin(), found.end());
    std::vector<std::string> files;
    std::uint64_t bytes = 0;
    for (auto &[path, size] : found) {
        if (bytes + size > byte_limit)
            continue;
        bytes += size;
        files.push_back(std::move(path));
    }
    return files;
}

void read_file(const std::string &path, Channel &channel)
{
    std::ifstream in(path, std::ios::binary);
    std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    if (std::memchr(text.data(), '\0', text.size()) != nullptr)
        return;
    // A whole file is one list: a pair of words never spans a boundary that depends on timing.
    Words words;
    for (std::size_t at = 0; at < text.size();) {
        if (!is_letter(text[at])) {
            at++;
            continue;
        }
        const std::size_t start = at;
        while (at < text.size() && is_letter(text[at]))
            at++;
        words.emplace_back(text, start, at - start);
    }
    channel.put(std::move(words));
}

void count_words(Channel &channel, Tally &tally)
{
    Words words;
    while (channel.take(words)) {
        for (std::size_t i = 0; i < words.size(); i++) {
            tally.words[words[i]]++;
            if (i > 0)
                tally.pairs[words[i - 1] + ' ' + words[i]]++;
        }
        tally.total += words.size();
        words.clear();
    }
}

void merge(Counts &into, Counts &from)
{
    for (const auto &[key, count] : from)
        into[key] += count;
    Counts().swap(from);
}

void print_top(const char *title, const Counts &counts)
{
    std::vector<std::pair<std::uint64_t, std::string>> top;
    std::uint64_t check = 0;
    for (const auto &[key, count] : counts) {
        top.emplace_back(count, key);
        std::uint64_t hash = 14695981039346656037u;
        for (unsigned char c : key)
            hash = (hash ^ c) * 1099511628211u;
        check += hash * count;
    }
    const auto order = [](const auto &a, const auto &b) {
        return a.first != b.first ? a.first > b.first : a.second < b.second;
    };
    const std::size_t shown = std::min<std::size_t>(10, top.size());
    std::partial_sort(top.begin(), top.begin() + static_cast<std::ptrdiff_t>(shown), top.end(),
                      order);
    std::printf("%zu %s, checksum %016llx\n", counts.size(), title,
                static_cast<unsigned long long>(check));
    for (std::size_t i = 0; i < shown; i++)
        std::printf("%10llu  %s\n", static_cast<unsigned long long>(top[i].first),
                    top[i].second.c_str());
}

void run(const std::vector<std::string> &files, unsigned thread_count)
{
    const unsigned readers = std::max(1u, thread_count / 2);
    const unsigned counters = std::max(1u, thread_count - readers);
    Channel channel;
    std::atomic<std::size_t> next{0};
    std::vector<Tally> tallies(counters);
    std::vector<std::thread> reading;
    std::vector<std::thread> counting;
    for (unsigned i = 0; i < readers; i++)
        reading.emplace_back([&] {
            for (std::size_t at; (at = next++) < files.size();)
                read_file(files[at], channel);
        });
    for (unsigned i = 0; i < counters; i++)
        counting.emplace_back([&channel, &tallies, i] { count_words(channel, tallies[i]); });
    for (std::thread &thread : reading)
        thread.join();
    channel.close();
    for (std::thread &thread : counting)
        thread.join();

    Tally all;
    for (Tally &tally : tallies) {
        all.total += tally.total;
        merge(all.words, tally.words);
        merge(all.pairs, tally.pairs);
    }
    std::printf("%zu files, %llu words\n", files.size(),
                static_cast<unsigned long long>(all.total));
    print_top("different words", all.words);
    print_top("different pairs", all.pairs);
}

unsigned long number_of(const char *text)
{
    char *end = nullptr;
    const unsigned long value = text == nullptr ? 0 : std::strtoul(text, &end, 10);
    if (value == 0 || *end != '\0' || value > 1000000) {
        std::fprintf(stderr, "wordcount: not a number that can be used: %s\n", text ? text : "");
        std::exit(2);
    }
    return value;
}

} // namespace

int main(int argc, char **argv)
{
    unsigned thread_count = std::max(2u, std::thread::hardware_concurrency());
    std::uint64_t megabytes = 1000;
    std::vector<std::string> roots;
    for (int i = 1; i < argc; i++) {
        if (std::strcmp(argv[i], "--threads") == 0)
            thread_count = static_cast<unsigned>(number_of(argv[++i]));
        else if (std::strcmp(argv[i], "--megabytes") == 0)
            megabytes = number_of(argv[++i]);
        else
            roots.emplace_back(argv[i]);
    }
    if (roots.empty()) {
        std::fputs("usage: wordcount [--threads N] [--megabytes N] FILE_OR_FOLDER...\n", stderr);
        return 2;
    }
    const std::vector<std::string> files = find_files(roots, megabytes << 20);
    if (files.empty()) {
        std::fputs("wordcount: nothing to read\n", stderr);
        return 1;
    }
    run(files, thread_count);
    return std::fflush(stdout) == 0 ? 0 : 1;
}
