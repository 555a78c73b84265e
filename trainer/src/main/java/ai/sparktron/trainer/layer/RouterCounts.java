package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What the routers of a rank's layers have counted of its own tokens in training since it was last taken. On the engine, so that no micro-batch waits for the host. */
public final class RouterCounts {

    private static final int BALANCE = 0;
    private static final int Z = 1;
    private static final int LOSSES = 2;

    private final Engine engine;
    private final List<Integer> layers;
    private final int experts;
    private final Tensor tokens;
    private final Tensor losses;

    /**
     * @param layers  numbers of the layers with experts held here
     * @param experts of each
     * @param run     gives the memory
     */
    public RouterCounts(Engine engine, List<Integer> layers, int experts, Arena.Frame run) {
        this.engine = engine;
        this.layers = List.copyOf(layers);
        this.experts = experts;
        this.tokens = run.tensor("router counts", DType.F32, Math.max(1, layers.size()), experts);
        this.losses = run.tensor("router losses", DType.F32, LOSSES);
        clear();
    }

    private void clear() {
        engine.kernels().fill(tokens, 0);
        engine.kernels().fill(losses, 0);
    }

    /** Of each layer. */
    public int experts() {
        return experts;
    }

    /** Float32 [1, E]: tokens that chose each expert. */
    Tensor tokens(int layer) {
        return tokens.rows(layers.indexOf(layer), 1);
    }

    /** Float32 [1]: scaled balancing losses of all layers. */
    Tensor balanceLoss() {
        return losses.rows(BALANCE, 1);
    }

    /** Float32 [1]: scaled z losses of all layers. */
    Tensor zLoss() {
        return losses.rows(Z, 1);
    }

    /**
     * What was counted, on the host.
     *
     * @param layers  numbers of the layers
     * @param tokens  [layers][E] that chose each expert
     * @param balance scaled balancing losses
     * @param z       scaled z losses
     */
    public record Taken(List<Integer> layers, double[][] tokens, double balance, double z) {
        public Taken {
            layers = List.copyOf(layers);
        }
    }

    /** Reads what was counted and starts anew. */
    public Taken take() {
        float[] counts = floats(tokens.reshape(Shape.of(tokens.elements())));
        float[] sums = floats(losses);
        clear();
        List<double[]> rows = new ArrayList<>();
        for (int i = 0; i < layers.size(); i++) {
            int from = i * experts;
            double[] row = new double[experts];
            Arrays.setAll(row, e -> counts[from + e]);
            rows.add(row);
        }
        return new Taken(layers, rows.toArray(double[][]::new), sums[BALANCE], sums[Z]);
    }

    private float[] floats(Tensor tensor) {
        ByteBuffer bytes = ByteBuffer.allocateDirect(Math.toIntExact(tensor.sizeBytes())).order(ByteOrder.nativeOrder());
        engine.read(tensor, bytes);
        bytes.clear();
        float[] values = new float[Math.toIntExact(tensor.elements())];
        bytes.asFloatBuffer().get(values);
        return values;
    }
}
