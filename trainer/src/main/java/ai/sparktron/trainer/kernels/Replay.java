package ai.sparktron.trainer.kernels;

/**
 * Work that is enqueued again and again: the same kernels on the same operands, whose contents change. A GPU records its launches once and enqueues all of them by one call
 * from then on; other engines run it. Made by {@link Engine#replay}, used by the engine's thread, closed by whoever asked for it.
 */
public interface Replay extends AutoCloseable {

    /**
     * Enqueues the work. The first runs, and those after memory of the engine was freed, run it as it is: kernels are chosen and compiled there, and memory grows to what is
     * needed.
     *
     * @throws RuntimeException what the work throws
     */
    void run();

    /** Whether the last run enqueued what was recorded. */
    boolean isRecorded();

    @Override
    void close();

    /** Work that is run every time. */
    static Replay plain(Runnable work) {
        return new Replay() {
            @Override
            public void run() {
                work.run();
            }

            @Override
            public boolean isRecorded() {
                return false;
            }

            @Override
            public void close() {
                // Nothing was recorded.
            }
        };
    }
}
