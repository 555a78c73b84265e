package ai.sparktron.trainer.comm.socket;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The bytes of one message in blocks of a pool. Messages are copied in and out, so that a rank's own memory is touched by nobody but the rank itself and
 * may be freed at any time. A payload may be sent to several peers; it goes back to the pool when all of them and its owner have released it.
 */
final class Payload {

    /** A multiple of every element's size, so that elements never lie across blocks. */
    static final int BLOCK_BYTES = 256 * 1024;

    /** Blocks that are not in use. */
    static final class Pool {
        private static final int KEPT = 256;
        private final ConcurrentLinkedQueue<ByteBuffer> free = new ConcurrentLinkedQueue<>();
        private final AtomicInteger count = new AtomicInteger();

        private ByteBuffer take() {
            ByteBuffer block = free.poll();
            if (block == null) {
                return ByteBuffer.allocateDirect(BLOCK_BYTES).order(ByteOrder.nativeOrder());
            }
            count.decrementAndGet();
            return block;
        }

        private void give(ByteBuffer block) {
            if (count.incrementAndGet() <= KEPT) {
                free.add(block);
            } else {
                count.decrementAndGet();
            }
        }
    }

    private final Pool pool;
    private final long sizeBytes;
    private final ByteBuffer[] blocks;
    private final AtomicInteger users = new AtomicInteger(1);

    private Payload(Pool pool, long sizeBytes) {
        this.pool = pool;
        this.sizeBytes = sizeBytes;
        this.blocks = new ByteBuffer[Math.toIntExact((sizeBytes + BLOCK_BYTES - 1) / BLOCK_BYTES)];
        for (int i = 0; i < blocks.length; i++) {
            blocks[i] = sizeBytes <= BLOCK_BYTES / 64 ? ByteBuffer.allocate((int) sizeBytes).order(ByteOrder.nativeOrder()) : pool.take();
        }
    }

    /** Room for a message, contents undefined. */
    static Payload empty(Pool pool, long sizeBytes) {
        return new Payload(pool, sizeBytes);
    }

    /** A copy of the buffer's remaining bytes, whose position stays. */
    static Payload copyOf(Pool pool, ByteBuffer source) {
        Payload payload = new Payload(pool, source.remaining());
        ByteBuffer from = source.duplicate();
        for (int i = 0; i < payload.blocks.length; i++) {
            ByteBuffer block = payload.block(i);
            from.limit(from.position() + block.remaining());
            block.put(from);
            from.limit(source.limit());
        }
        return payload;
    }

    long sizeBytes() {
        return sizeBytes;
    }

    int blockCount() {
        return blocks.length;
    }

    /** A view of a block, from 0 to the bytes used of it. */
    ByteBuffer block(int index) {
        ByteBuffer view = blocks[index].duplicate().order(ByteOrder.nativeOrder());
        long rest = sizeBytes - (long) index * BLOCK_BYTES;
        view.position(0).limit((int) Math.min(BLOCK_BYTES, rest));
        return view;
    }

    /** Copies all bytes into the buffer, from its position, which stays. */
    void copyTo(ByteBuffer target) {
        ByteBuffer to = target.duplicate();
        for (int i = 0; i < blocks.length; i++) {
            to.put(block(i));
        }
    }

    Payload retain(int more) {
        users.addAndGet(more);
        return this;
    }

    void release() {
        if (users.decrementAndGet() == 0) {
            for (ByteBuffer block : blocks) {
                if (block.isDirect()) {
                    pool.give(block);
                }
            }
        }
    }
}
