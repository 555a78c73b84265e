package ai.sparktron.trainer.convert;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSlice;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.tensor.HalfPrecision;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;

/** Tensors of a rank that holds all of every one; values, or gradients. */
public final class LocalWeights implements WeightSource {

    private final Engine engine;
    private final Map<String, Tensor> parts = new HashMap<>();
    private ByteBuffer bytes = ByteBuffer.allocateDirect(1 << 16).order(ByteOrder.nativeOrder());

    private LocalWeights(Engine engine) {
        this.engine = engine;
    }

    /** Values of all parameters. */
    public static LocalWeights values(Parameters parameters, Engine engine) {
        LocalWeights weights = new LocalWeights(engine);
        for (Parameter parameter : parameters.all()) {
            for (int part = 0; part < parameter.slices().size(); part++) {
                weights.add(parameter.slices().get(part), parameter.part(part));
            }
        }
        return weights;
    }

    /** Gradients of the trained parameters. */
    public static LocalWeights gradients(Parameters parameters, Engine engine) {
        LocalWeights weights = new LocalWeights(engine);
        for (Parameter parameter : parameters.all()) {
            for (int part = 0; parameter.isTrained() && part < parameter.slices().size(); part++) {
                weights.add(parameter.slices().get(part), parameter.partGradient(part));
            }
        }
        return weights;
    }

    private void add(TensorSlice slice, Tensor part) {
        if (!slice.isWhole()) {
            throw new IllegalStateException("rank holds a part of " + slice.tensor().name() + " only; gather it before exporting");
        }
        parts.put(slice.tensor().name(), part.reshape(Shape.of(part.elements())));
    }

    public boolean has(TensorSpec tensor) {
        return parts.containsKey(tensor.name());
    }

    @Override
    public float[] read(TensorSpec tensor, long from, int count) {
        Tensor part = parts.get(tensor.name());
        if (part == null) {
            throw new IllegalStateException("tensor " + tensor.name() + " is not held here");
        }
        int size = count * part.dtype().sizeBytes();
        if (bytes.capacity() < size) {
            bytes = ByteBuffer.allocateDirect(size).order(ByteOrder.nativeOrder());
        }
        bytes.clear().limit(size);
        engine.read(part.rows(from, count), bytes);
        bytes.position(0).limit(size);
        float[] values = new float[count];
        HalfPrecision.decode(part.dtype(), bytes, values, 0, count);
        return values;
    }
}
