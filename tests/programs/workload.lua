-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the zcmalloc authors
--
-- workload.lua - prints the same lines on every run.
local seed = 12345

local function next_number(limit)
    seed = (seed * 1103515245 + 12345) % 2147483648
    return seed // 65536 % limit + 1
end

local function binary_tree(depth)
    if depth == 0 then
        return { value = next_number(1000) }
    end
    return { left = binary_tree(depth - 1), right = binary_tree(depth - 1) }
end

local function tree_sum(node)
    if node.value then
        return node.value
    end
    return tree_sum(node.left) + tree_sum(node.right)
end

local total = 0
for round = 1, 12 do
    total = total + tree_sum(binary_tree(14))
end
print("trees", total)

local words, count = {}, {}
for index = 1, 200000 do
    local letters = {}
    for position = 1, next_number(9) do
        letters[position] = string.char(96 + next_number(20))
    end
    local word = table.concat(letters)
    words[index] = word
    count[word] = (count[word] or 0) + 1
end
table.sort(words)
local distinct, most, most_word = 0, 0, ""
for word, times in pairs(count) do
    distinct = distinct + 1
    if times > most or (times == most and word < most_word) then
        most, most_word = times, word
    end
end
print("words", distinct, most, most_word, words[1], words[#words])

local text = table.concat(words, " ")
local swapped, swaps = text:gsub("(%a)(%a)", "%2%1")
print("text", #text, swaps, swapped:sub(1, 40))

local lines = {}
for length = 1, 300 do
    lines[#lines + 1] = ("z"):rep(length * length)
end
print("long strings", #table.concat(lines))

local producers = {}
for index = 1, 2000 do
    producers[index] = coroutine.wrap(function()
        for step = 1, 20 do
            coroutine.yield({ index, step, tostring(index * step) })
        end
    end)
end
local received = 0
for step = 1, 20 do
    for index = 1, #producers do
        received = received + #producers[index]()[3]
    end
end
print("coroutines", received)

words, count, text, swapped, lines, producers = nil, nil, nil, nil, nil, nil
collectgarbage()
print("collected", collectgarbage("count") < 4096)
