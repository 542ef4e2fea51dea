// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
//
// workload.js - prints the same lines on every run.
'use strict';
const crypto = require('crypto');
const zlib = require('zlib');
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');

function random(seed) {
    let state = seed;
    return (limit) => {
        state = (Math.imul(state, 1103515245) + 12345) >>> 0;
        return (state >>> 8) % limit;
    };
}

function digest(data) {
    return crypto.createHash('sha256').update(data).digest('hex').slice(0, 16);
}

function records(seed, count) {
    const next = random(seed);
    return Array.from({ length: count }, (_, id) => ({
        id,
        name: next(1e9).toString(36),
        tags: Array.from({ length: next(6) }, () => next(1000).toString(16)),
    }));
}

function work(seed) {
    const text = JSON.stringify(records(seed, 5000));
    const again = JSON.stringify(JSON.parse(text));
    const next = random(seed + 1);
    const chunks = [];
    for (let i = 0; i < 3000; i++) {
        chunks.push(Buffer.alloc(next(9000), i % 251));
        if (i % 3 === 0) chunks.splice(next(chunks.length), 1);
    }
    const packed = zlib.deflateSync(Buffer.concat(chunks));
    const back = zlib.inflateSync(packed);
    return [seed, text === again, digest(text), back.length, digest(back)].join(' ');
}

async function main() {
    console.log('main', work(1));
    const replies = [];
    for (let round = 0; round < 3; round++) {
        const workers = [2, 3, 4, 5].map((seed) => new Promise((done, failed) => {
            const worker = new Worker(__filename, { workerData: seed + round * 10 });
            worker.on('message', (reply) => replies.push(reply));
            worker.on('error', failed);
            worker.on('exit', done);
        }));
        await Promise.all(workers);
        global.gc();
    }
    replies.sort();
    console.log(replies.join('\n'));
    let grown = Buffer.alloc(0);
    for (let i = 0; i < 2000; i++) grown = Buffer.concat([grown, Buffer.from('line ' + i + '\n')]);
    console.log('grown', grown.length, digest(grown));
}

if (isMainThread) main();
else parentPort.postMessage(work(workerData));
