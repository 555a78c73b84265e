package ai.sparktron.trainer.train;

import ai.sparktron.trainer.tensor.Arena;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.IntFunction;

/** Arenas of one kind of lifetime, of which several are in use at a time: made when one more is needed than ever before, and used again. One thread. */
final class ArenaPool implements AutoCloseable {

    private final IntFunction<Arena> maker;
    private final List<Arena> all = new ArrayList<>();
    private final Deque<Arena> free = new ArrayDeque<>();

    /** @param maker makes the n-th arena, from 0 */
    ArenaPool(IntFunction<Arena> maker) {
        this.maker = maker;
    }

    /** An empty arena, the caller's until it is given back. */
    Arena take() {
        if (free.isEmpty()) {
            Arena arena = maker.apply(all.size());
            all.add(arena);
            return arena;
        }
        return free.pop();
    }

    /** @param arena without open frames */
    void give(Arena arena) {
        free.push(arena);
    }

    /** Arenas made so far. */
    int size() {
        return all.size();
    }

    /** Sum of the arenas' peaks. */
    long peakBytes() {
        return all.stream().mapToLong(Arena::peakBytes).sum();
    }

    /** Frees the memory. @throws IllegalStateException when one has open frames, naming their tensors */
    @Override
    public void close() {
        RuntimeException failure = null;
        for (Arena arena : all) {
            try {
                arena.close();
            } catch (RuntimeException e) {
                failure = failure == null ? e : failure;
            }
        }
        all.clear();
        free.clear();
        if (failure != null) {
            throw failure;
        }
    }
}
