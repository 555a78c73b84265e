package ai.sparktron.trainer.comm;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BiConsumer;

/** Runs a body as every rank of a world, each on its own thread. */
public final class Ranks {

    /** What one rank does. */
    @FunctionalInterface
    public interface Body<T> {
        T run(World world) throws Exception;
    }

    /** What came of one rank: a value or an error. */
    public record Outcome<T>(T value, Throwable error) {
    }

    private Ranks() {
    }

    /** Results by rank; an error of one rank aborts the world and is thrown. */
    public static <T> List<T> run(List<? extends World> worlds, Body<T> body) {
        List<Outcome<T>> outcomes = outcomes(worlds, world -> {
            try {
                return body.run(world);
            } catch (Throwable error) {
                world.abort(error);
                throw error;
            }
        });
        AssertionError failure = null;
        for (Outcome<T> outcome : outcomes) {
            if (outcome.error() != null) {
                failure = failure == null ? new AssertionError("a rank failed", outcome.error()) : failure;
                failure.addSuppressed(outcome.error());
            }
        }
        if (failure != null) {
            throw failure;
        }
        return outcomes.stream().map(Outcome::value).toList();
    }

    /** As {@link #outcomes(List, Body)}, with word of each error, on the thread of its rank. */
    public static <T> List<Outcome<T>> outcomes(List<? extends World> worlds, Body<T> body, BiConsumer<World, Throwable> failed) {
        return outcomes(worlds, world -> {
            try {
                return body.run(world);
            } catch (Throwable error) {
                failed.accept(world, error);
                throw error;
            }
        });
    }

    /** Results or errors by rank; fails when a rank is not through after 120 s. */
    public static <T> List<Outcome<T>> outcomes(List<? extends World> worlds, Body<T> body) {
        ExecutorService threads = Executors.newFixedThreadPool(worlds.size());
        try {
            List<Future<T>> futures = new ArrayList<>();
            for (World world : worlds) {
                futures.add(threads.submit(() -> body.run(world)));
            }
            List<Outcome<T>> outcomes = new ArrayList<>();
            for (Future<T> future : futures) {
                outcomes.add(outcome(future));
            }
            return outcomes;
        } finally {
            threads.shutdownNow();
        }
    }

    /** Each rank leaves on a thread of its own, since one may wait for the others of its host. */
    public static void close(List<? extends World> worlds) {
        run(worlds, world -> {
            world.close();
            return null;
        });
    }

    private static <T> Outcome<T> outcome(Future<T> future) {
        try {
            return new Outcome<>(future.get(120, TimeUnit.SECONDS), null);
        } catch (ExecutionException failed) {
            return new Outcome<>(null, failed.getCause());
        } catch (TimeoutException | InterruptedException hung) {
            throw new AssertionError("a rank is still running after 120 s", hung);
        }
    }
}
