package ai.sparktron.trainer.tensor;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * The arena of all engines: memory is handed out from the start of a block towards its end, and a closing frame sets the end back to where it
 * opened. Handing out costs an addition; nothing is cleared.
 *
 * <p>A fixed arena has one block, allocated when it is made. A growing arena has a block that grows where its {@link Memory} has such, as devices have: it takes
 * what its peak is and no more. Elsewhere it asks for another block when one is full, and keeps it, so that the ends of blocks stay unused.
 */
public final class StackArena implements Arena {

    /** Every tensor starts at a multiple of this: what cuDNN and full cache lines ask for at most. */
    public static final long ALIGNMENT_BYTES = 256;

    private final String name;
    private final Memory memory;
    private final long chunkBytes;
    private final boolean growing;
    private final GrowingStorage stretching;
    private final List<Storage> blocks = new ArrayList<>();
    private final Deque<StackFrame> frames = new ArrayDeque<>();
    private int block;
    private long offset;
    private long usedBytes;
    private long peakBytes;
    private boolean closed;

    private StackArena(String name, Memory memory, long chunkBytes, boolean growing) {
        if (chunkBytes <= 0) {
            throw new IllegalArgumentException("arena " + name + " of " + chunkBytes + " bytes: expected > 0");
        }
        this.name = name;
        this.memory = memory;
        this.chunkBytes = aligned(chunkBytes);
        this.growing = growing;
        this.stretching = growing ? memory.growing(name).orElse(null) : null;
        blocks.add(stretching == null ? memory.allocate(this.chunkBytes, name) : stretching);
    }

    /** One block of {@code sizeBytes}, allocated now. */
    public static StackArena fixed(String name, Memory memory, long sizeBytes) {
        return new StackArena(name, memory, sizeBytes, false);
    }

    /** One block that grows, or blocks of {@code chunkBytes}, or of one tensor's size where that is larger, as they are needed. */
    public static StackArena growing(String name, Memory memory, long chunkBytes) {
        return new StackArena(name, memory, chunkBytes, true);
    }

    /** {@code bytes} rounded up to the alignment of tensors: what a tensor of that size takes of an arena. */
    public static long aligned(long bytes) {
        return Math.multiplyExact(Math.floorDiv(Math.addExact(bytes, ALIGNMENT_BYTES - 1), ALIGNMENT_BYTES), ALIGNMENT_BYTES);
    }

    @Override
    public Frame open(String purpose) {
        requireOpen();
        StackFrame frame = new StackFrame(purpose, block, offset, usedBytes);
        frames.push(frame);
        return frame;
    }

    @Override
    public long usedBytes() {
        return usedBytes;
    }

    @Override
    public long peakBytes() {
        return peakBytes;
    }

    /** Bytes taken from the {@link Memory}, used or not. */
    public long reservedBytes() {
        return blocks.stream().mapToLong(Storage::sizeBytes).sum();
    }

    @Override
    public String name() {
        return name;
    }

    /** Frees the blocks; frames that are still open are a leak, which is thrown after freeing. */
    @Override
    public void close() {
        requireOpen();
        closed = true;
        String leaked = frames.isEmpty() ? null : openTensors();
        RuntimeException failure = null;
        for (Storage storage : blocks) {
            try {
                storage.close();
            } catch (RuntimeException e) {
                failure = e;
            }
        }
        blocks.clear();
        if (leaked != null) {
            IllegalStateException leak = new IllegalStateException("arena " + name + " closed with " + frames.size()
                    + " open frames, oldest last: " + leaked + "; close each frame in the method that opened it");
            if (failure != null) {
                leak.addSuppressed(failure);
            }
            throw leak;
        }
        if (failure != null) {
            throw failure;
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("arena " + name + " is closed");
        }
    }

    private String openTensors() {
        StringBuilder text = new StringBuilder();
        for (StackFrame frame : frames) {
            text.append(text.length() == 0 ? "" : "; ").append(frame.purpose).append(' ').append(frame.tensors);
        }
        return text.toString();
    }

    private Tensor place(String tensorName, DType dtype, Shape shape) {
        long bytes = aligned(Math.max(1, Math.multiplyExact(shape.elements(), (long) dtype.sizeBytes())));
        if (stretching != null) {
            stretching.grow(offset + bytes);
        } else if (offset + bytes > blocks.get(block).sizeBytes()) {
            nextBlock(bytes, tensorName, dtype, shape);
        }
        Tensor tensor = Tensor.of(tensorName, dtype, shape, blocks.get(block), offset);
        offset += bytes;
        usedBytes += bytes;
        peakBytes = Math.max(peakBytes, usedBytes);
        return tensor;
    }

    private void nextBlock(long bytes, String tensorName, DType dtype, Shape shape) {
        if (!growing) {
            throw new OutOfDeviceMemoryException("arena " + name + ": no room for " + tensorName + " " + dtype + shape + " of " + bytes
                    + " bytes; " + (blocks.get(block).sizeBytes() - offset) + " of " + blocks.get(block).sizeBytes()
                    + " bytes are free, held by " + openTensors());
        }
        // Blocks after the current one are empty; one that is too small for this tensor is replaced, so that peaks do not pile up.
        if (block + 1 < blocks.size() && blocks.get(block + 1).sizeBytes() < bytes) {
            blocks.remove(block + 1).close();
            blocks.add(block + 1, memory.allocate(bytes, name));
        } else if (block + 1 == blocks.size()) {
            blocks.add(memory.allocate(Math.max(chunkBytes, bytes), name));
        }
        block++;
        offset = 0;
    }

    private final class StackFrame implements Frame {
        private final String purpose;
        private final int firstBlock;
        private final long firstOffset;
        private final long usedBefore;
        private final List<Tensor> tensors = new ArrayList<>();
        private boolean frameClosed;

        StackFrame(String purpose, int firstBlock, long firstOffset, long usedBefore) {
            this.purpose = purpose;
            this.firstBlock = firstBlock;
            this.firstOffset = firstOffset;
            this.usedBefore = usedBefore;
        }

        @Override
        public Tensor tensor(String tensorName, DType dtype, long... shape) {
            requireOpen();
            if (frames.peek() != this) {
                throw new IllegalStateException("tensor " + tensorName + " for frame " + purpose + " of arena " + name
                        + (frameClosed ? ", which is closed" : ": frame " + frames.getFirst().purpose + " was opened later and is still open"));
            }
            Tensor tensor = place(tensorName, dtype, Shape.of(shape));
            tensors.add(tensor);
            return tensor;
        }

        @Override
        public void close() {
            if (frameClosed) {
                throw new IllegalStateException("frame " + purpose + " of arena " + name + " closed twice");
            }
            if (frames.peek() != this) {
                throw new IllegalStateException("frame " + purpose + " of arena " + name + " closed before "
                        + (frames.isEmpty() ? "it was opened" : frames.getFirst().purpose + " " + frames.getFirst().tensors));
            }
            frames.pop();
            frameClosed = true;
            block = firstBlock;
            offset = firstOffset;
            usedBytes = usedBefore;
        }
    }
}
