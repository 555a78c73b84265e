package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Fp8Kernels;
import ai.sparktron.trainer.kernels.StoredNumbers;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * The largest magnitudes of past steps of all operands of a model that are scaled by them (delayed scaling, arXiv 2209.05433). Every rank has those of all layers, the
 * maxima over all ranks, so a history fits any grid. Within a step it only takes maxima, so layers that run again in backward change nothing.
 *
 * <p>In the first step nothing is known, and operands are scaled by themselves: gradients are far too small for a scale of 1.
 */
public final class Fp8History {

    private final Engine engine;
    private final Fp8Kernels.Outlook outlook;
    private final Map<String, Integer> places = new HashMap<>();
    private final Tensor seen;
    private final Tensor largest;
    private final Tensor history;
    private long steps;

    /**
     * @param operands names of all operands of the model, in the same order on all ranks
     * @param run      gives what lives as long as the run
     */
    Fp8History(Engine engine, List<String> operands, Fp8Settings settings, Arena.Frame run) {
        this.engine = engine;
        this.outlook = settings.outlook();
        operands.forEach(operand -> places.put(operand, places.size()));
        this.seen = run.tensor("fp8 seen", DType.F32, operands.size());
        this.largest = run.tensor("fp8 largest", DType.F32, operands.size());
        this.history = run.tensor("fp8 history", DType.F32, settings.historySteps(), operands.size());
        List.of(seen, largest, history).forEach(tensor -> engine.kernels().fill(tensor, 0));
    }

    /** Scales by the history. Training passes are remembered, others are not. */
    Fp8Scaling of(String operand) {
        int place = places.get(operand);
        Tensor ownSeen = seen.rows(place, 1);
        Tensor ownLargest = largest.rows(place, 1);
        return (x, rows, turned, scratch, pass) -> {
            Tensor known = ownLargest;
            if (steps == 0) {
                known = scratch.tensor("fp8.largest", DType.F32, 1);
                pass.kernels().fp8().largest(x, known, Write.OVERWRITE);
            }
            pass.kernels().fp8().quantise(x, known, rows, turned, pass.isTraining() ? ownSeen : null);
        };
    }

    /** Ends a step. @param overRanks makes float32 numbers the maxima over all ranks */
    void afterStep(Consumer<Tensor> overRanks) {
        overRanks.accept(seen);
        engine.kernels().fp8().remember(seen, history, steps % history.rows(), outlook, largest);
        steps++;
    }

    /** Shape of {@link #numbers()}. */
    public List<Long> shape() {
        return List.of(history.rows() + 1, history.columns());
    }

    /** What a checkpoint keeps: float32 [capacity + 1, operands]: the history, oldest first, and what is expected of the next step. */
    public StoredNumbers numbers() {
        return new StoredNumbers() {
            @Override
            public long size() {
                return history.elements() + seen.elements();
            }

            @Override
            public void read(long from, ByteBuffer target) {
                ByteBuffer all = saved();
                target.put(all.limit((int) (from * Float.BYTES) + target.remaining()).position((int) (from * Float.BYTES)));
            }

            @Override
            public void write(long from, ByteBuffer source) {
                if (from != 0 || source.remaining() != size() * Float.BYTES) {
                    throw new IllegalStateException("a history of " + size() + " numbers is restored as a whole, not " + source.remaining() + " bytes from " + from);
                }
                restore(source);
            }
        };
    }

    private ByteBuffer saved() {
        ByteBuffer turned = buffer(history);
        engine.read(history, turned);
        ByteBuffer expected = buffer(largest);
        engine.read(largest, expected);
        ByteBuffer all = ByteBuffer.allocate(turned.capacity() + expected.capacity()).order(ByteOrder.nativeOrder());
        int oldest = Math.toIntExact(steps % history.rows()) * expected.capacity();
        all.put(turned.clear().position(oldest)).put(turned.clear().limit(oldest)).put(expected.clear());
        return all.clear();
    }

    private void restore(ByteBuffer all) {
        int row = Math.toIntExact(largest.sizeBytes());
        int whole = Math.toIntExact(history.sizeBytes());
        int start = all.position();
        engine.write(history, part(all, start, whole));
        ByteBuffer expected = part(all, start + whole, row);
        engine.write(largest, expected);
        boolean known = false;
        while (expected.hasRemaining()) {
            known |= expected.getFloat() > 0;
        }
        // The oldest is at the first place, which is where the next step goes.
        steps = known ? history.rows() : 0;
        all.position(all.limit());
    }

    private static ByteBuffer part(ByteBuffer all, int from, int bytes) {
        ByteBuffer copy = ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
        copy.put(all.duplicate().position(from).limit(from + bytes));
        return copy.flip();
    }

    private static ByteBuffer buffer(Tensor tensor) {
        return ByteBuffer.allocateDirect(Math.toIntExact(tensor.sizeBytes())).order(ByteOrder.nativeOrder());
    }
}
