package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * What forward leaves for backward, a stack per micro-batch: layers push in forward and pop in the reverse order in backward, and each entry's memory is a
 * frame of the micro-batch's arena that is freed by the pop. A discarding stack frees an entry as soon as forward leaves it.
 */
public final class Saved implements AutoCloseable {

    private final Arena arena;
    private final boolean keeping;
    private final Deque<Slot> slots = new ArrayDeque<>();

    private Saved(Arena arena, boolean keeping) {
        this.arena = arena;
        this.keeping = keeping;
    }

    /** Keeps entries on the micro-batch's arena until they are popped. */
    static Saved keeping(Arena arena) {
        return new Saved(arena, true);
    }

    /** For evaluation and for layers that will be run again: entries lie on the scratch arena and end with forward. */
    static Saved discarding(Arena scratch) {
        return new Saved(scratch, false);
    }

    /** Whether what is saved will be there in backward. */
    boolean isKeeping() {
        return keeping;
    }

    /** Opens an entry; close it at the end of forward. */
    Slot push(String owner) {
        Slot slot = new Slot(owner, arena.open(owner));
        slots.push(slot);
        return slot;
    }

    /** The newest entry, to be closed when backward is done with it. @throws IllegalStateException when it is someone else's */
    Popped pop(String owner) {
        Slot slot = slots.poll();
        if (slot == null || !slot.owner.equals(owner)) {
            throw new IllegalStateException("backward of " + owner + " finds " + (slot == null ? "nothing saved" : "what " + slot.owner + " saved")
                    + ": forward and backward must run in opposite order, once each");
        }
        return new Popped(slot);
    }

    /** What the newest entry of this owner keeps, for an owner whose entry lies below those of its parts. */
    <T> T find(String owner, Class<T> type) {
        for (Slot slot : slots) {
            if (slot.owner.equals(owner)) {
                return type.cast(slot.values);
            }
        }
        throw new IllegalStateException("backward of " + owner + " finds nothing saved: forward must run before, once for each backward");
    }

    /** Number of entries not popped. */
    int depth() {
        return slots.size();
    }

    /** Frees what is left, newest first. */
    @Override
    public void close() {
        while (!slots.isEmpty()) {
            slots.pop().frame.close();
        }
    }

    /** An entry being filled. */
    final class Slot implements AutoCloseable {
        private final String owner;
        private final Arena.Frame frame;
        private Object values;

        private Slot(String owner, Arena.Frame frame) {
            this.owner = owner;
            this.frame = frame;
        }

        Tensor tensor(String name, DType dtype, long... shape) {
            return frame.tensor(name, dtype, shape);
        }

        /** For parts that keep something in this entry. */
        Arena.Frame frame() {
            return frame;
        }

        /** Leaves these values to backward. */
        void keep(Object kept) {
            values = kept;
        }

        /** Ends forward's use: the entry stays if the stack keeps, otherwise it is freed. */
        @Override
        public void close() {
            if (!keeping) {
                slots.remove(this);
                frame.close();
            }
        }
    }

    /** An entry being used up. */
    static final class Popped implements AutoCloseable {
        private final Slot slot;

        private Popped(Slot slot) {
            this.slot = slot;
        }

        <T> T as(Class<T> type) {
            return type.cast(slot.values);
        }

        @Override
        public void close() {
            slot.frame.close();
        }
    }
}
