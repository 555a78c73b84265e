package ai.sparktron.trainer.measure;

import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** An arena that knows what its memory was used for when most of it was in use. */
public final class LedgerArena implements Arena {

    private final Arena arena;
    private final Map<String, Long> used = new LinkedHashMap<>();
    private Map<String, Long> atPeak = Map.of();
    private long recordedPeak;

    /** @param arena hands out the memory, and is closed with this */
    public LedgerArena(Arena arena) {
        this.arena = arena;
    }

    /** Bytes by name of tensor at the first moment when {@link #peakBytes()} were in use. */
    public Map<String, Long> atPeak() {
        record();
        return Map.copyOf(atPeak);
    }

    /** Peaks are looked at when memory is given back: until then it only grows. */
    private void record() {
        if (arena.usedBytes() > recordedPeak) {
            recordedPeak = arena.usedBytes();
            atPeak = new LinkedHashMap<>(used);
        }
    }

    @Override
    public Frame open(String purpose) {
        return new LedgerFrame(arena.open(purpose));
    }

    @Override
    public long usedBytes() {
        return arena.usedBytes();
    }

    @Override
    public long peakBytes() {
        return arena.peakBytes();
    }

    @Override
    public String name() {
        return arena.name();
    }

    @Override
    public void close() {
        arena.close();
    }

    private final class LedgerFrame implements Frame {
        private final Frame frame;
        private final List<Tensor> tensors = new ArrayList<>();

        LedgerFrame(Frame frame) {
            this.frame = frame;
        }

        @Override
        public Tensor tensor(String name, DType dtype, long... shape) {
            Tensor tensor = frame.tensor(name, dtype, shape);
            tensors.add(tensor);
            used.merge(name, StackArena.aligned(Math.max(1, tensor.sizeBytes())), Long::sum);
            return tensor;
        }

        @Override
        public void close() {
            record();
            frame.close();
            tensors.forEach(tensor -> used.merge(tensor.name(), -StackArena.aligned(Math.max(1, tensor.sizeBytes())), Long::sum));
        }
    }
}
