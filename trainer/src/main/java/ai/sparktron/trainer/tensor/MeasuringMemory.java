package ai.sparktron.trainer.tensor;

/**
 * Memory that is not there: addresses are made up, views are null, and every block fits. A {@link StackArena} over it counts what a step would take
 * ({@link StackArena#peakBytes()}) before any device is touched.
 */
public final class MeasuringMemory implements Memory {

    /** Far above what user processes map, so that a stray use faults at once. */
    private static final long FIRST_ADDRESS = 1L << 56;

    private long nextAddress = FIRST_ADDRESS;
    private long liveBytes;
    private long peakBytes;

    @Override
    public Storage allocate(long sizeBytes, String purpose) {
        Storage storage = new MeasuredStorage(nextAddress, sizeBytes);
        nextAddress += StackArena.aligned(sizeBytes);
        liveBytes += sizeBytes;
        peakBytes = Math.max(peakBytes, liveBytes);
        return storage;
    }

    /** Bytes of blocks that are not closed. */
    public long liveBytes() {
        return liveBytes;
    }

    /** Largest {@link #liveBytes()} so far. */
    public long peakBytes() {
        return peakBytes;
    }

    /** An arena without a limit, for measuring one lifetime. */
    public static StackArena arena(String name) {
        return StackArena.growing(name, new MeasuringMemory(), 1L << 40);
    }

    private final class MeasuredStorage implements Storage {
        private final long address;
        private final long sizeBytes;
        private boolean closed;

        MeasuredStorage(long address, long sizeBytes) {
            this.address = address;
            this.sizeBytes = sizeBytes;
        }

        @Override
        public long address() {
            return address;
        }

        @Override
        public long sizeBytes() {
            return sizeBytes;
        }

        @Override
        public Object view(long byteOffset, long bytes) {
            return null;
        }

        @Override
        public void close() {
            if (closed) {
                throw new IllegalStateException("a measured block of " + sizeBytes + " bytes closed twice");
            }
            closed = true;
            liveBytes -= sizeBytes;
        }
    }
}
