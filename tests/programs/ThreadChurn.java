// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
//
// ThreadChurn.java - prints the same lines on every run; each short thread uses native memory too.
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLong;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

public class ThreadChurn {
    private static final AtomicLong total = new AtomicLong();

    private static void deflateOnce(int seed) {
        try {
            byte[] input = new byte[2000 + seed % 7000];
            for (int i = 0; i < input.length; i++)
                input[i] = (byte) (i * seed % 17);
            Deflater deflater = new Deflater();
            deflater.setInput(input);
            deflater.finish();
            byte[] packed = new byte[input.length + 100];
            int length = deflater.deflate(packed);
            deflater.end();
            Inflater inflater = new Inflater();
            inflater.setInput(packed, 0, length);
            byte[] output = new byte[input.length];
            inflater.inflate(output);
            inflater.end();
            ByteBuffer direct = ByteBuffer.allocateDirect(1 + seed % 5000);
            direct.put(0, (byte) seed);
            CRC32 crc = new CRC32();
            crc.update(output);
            total.addAndGet(crc.getValue() + direct.get(0));
        } catch (Exception wrong) {
            throw new RuntimeException(wrong);
        }
    }

    public static void main(String[] arguments) throws Exception {
        final int rounds = 300;
        final int width = 8;
        for (int round = 0; round < rounds; round++) {
            Thread[] threads = new Thread[width];
            for (int i = 0; i < width; i++) {
                final int seed = round * width + i;
                threads[i] = new Thread(() -> deflateOnce(seed));
                threads[i].start();
            }
            for (Thread thread : threads)
                thread.join();
        }
        System.out.println(rounds * width + " threads, sum " + total.get());
    }
}
