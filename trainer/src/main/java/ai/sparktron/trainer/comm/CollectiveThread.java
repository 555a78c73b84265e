package ai.sparktron.trainer.comm;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Background collectives of host tensors: a thread that makes the calls, over a group that nobody else uses. Numbers are those of the group. */
final class CollectiveThread extends GroupCollectives {

    private final Communicator group;
    private final ThreadPoolExecutor thread;

    /** @param group this thread's alone */
    CollectiveThread(Communicator group) {
        super(group);
        this.group = group;
        this.thread = new ThreadPoolExecutor(1, 1, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
            Thread made = new Thread(task, "collectives-" + group.name() + "-" + group.rank());
            made.setDaemon(true);
            return made;
        });
    }

    @Override
    protected Transfer start(Runnable call) {
        return new Started(thread.submit(call));
    }

    @Override
    public void close() {
        thread.shutdownNow();
        group.close();
    }

    private final class Started implements Transfer {
        private final Future<?> call;

        Started(Future<?> call) {
            this.call = call;
        }

        @Override
        public void await() {
            try {
                call.get();
            } catch (InterruptedException interrupt) {
                Thread.currentThread().interrupt();
                CommunicationException error = new CommunicationException(group + ": interrupted while waiting for a collective in the background", interrupt);
                group.abort(error);
                throw error;
            } catch (ExecutionException failure) {
                if (failure.getCause() instanceof RuntimeException error) {
                    throw error;
                }
                throw new CommunicationException(group + ": a collective in the background failed", failure.getCause());
            }
        }

        @Override
        public boolean isDone() {
            return call.isDone();
        }
    }
}
