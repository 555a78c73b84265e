package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.kernels.AdamWTensors;
import ai.sparktron.trainer.kernels.RoundingBits;
import ai.sparktron.trainer.kernels.StateTensor;
import ai.sparktron.trainer.kernels.StochasticRounding;
import ai.sparktron.trainer.tensor.BlockScaled;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Float8;
import ai.sparktron.trainer.tensor.HalfPrecision;
import ai.sparktron.trainer.tensor.MainWeights;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** An optimizer's state of any type as float32 arrays [1, n] and back, by way of the host: ND4J's operations take float32 alone here. */
final class Nd4jStates {

    private Nd4jStates() {
    }

    private static ByteBuffer bytes(Tensor tensor) {
        return ByteBuffer.wrap(Nd4jArrays.readRow(tensor, 0)).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static ByteBuffer room(Tensor tensor) {
        return ByteBuffer.allocate(Math.toIntExact(tensor.sizeBytes())).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static INDArray array(float[] values) {
        return Nd4j.createFromArray(values).reshape(1, values.length);
    }

    private static float[] floats(Tensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.elements())];
        HalfPrecision.decode(tensor.dtype(), bytes(tensor), values, 0, values.length);
        return values;
    }

    private static void put(Tensor tensor, float[] values) {
        ByteBuffer bytes = room(tensor);
        HalfPrecision.encode(tensor.dtype(), values, 0, values.length, bytes);
        Nd4jArrays.writeRow(tensor, 0, bytes.array());
    }

    /** Numbers of a plain tensor. */
    static INDArray read(Tensor tensor) {
        return array(floats(tensor));
    }

    /** @param roots whether F8_E4M3 holds roots */
    static INDArray read(StateTensor state, boolean roots) {
        if (state.scales() == null) {
            return read(state.elements());
        }
        float[] scales = floats(state.scales());
        ByteBuffer bytes = bytes(state.elements());
        float[] values = new float[Math.toIntExact(state.elements().elements())];
        for (int block = 0; block < scales.length; block++) {
            int from = block * BlockScaled.BLOCK;
            BlockScaled.decode(state.elements().dtype(), scales[block], bytes, values, from, Math.min(BlockScaled.BLOCK, values.length - from));
        }
        INDArray numbers = array(values);
        return holdsRoots(state, roots) ? numbers.muli(numbers) : numbers;
    }

    private static boolean holdsRoots(StateTensor state, boolean roots) {
        return roots && state.elements().dtype() == DType.F8_E4M3;
    }

    /** As {@link #read(StateTensor, boolean)}. */
    static void write(StateTensor state, boolean roots, INDArray numbers) {
        float[] values = numbers.dup().data().asFloat();
        if (state.scales() == null) {
            put(state.elements(), values);
            return;
        }
        DType dtype = state.elements().dtype();
        float[] scales = new float[Math.toIntExact(state.scales().elements())];
        ByteBuffer bytes = room(state.elements());
        for (int i = 0; holdsRoots(state, roots) && i < values.length; i++) {
            values[i] = (float) Math.sqrt(values[i]);
        }
        for (int block = 0; block < scales.length; block++) {
            int from = block * BlockScaled.BLOCK;
            int count = Math.min(BlockScaled.BLOCK, values.length - from);
            scales[block] = BlockScaled.scale(dtype, values, from, count);
            for (int i = from; holdsRoots(state, roots) && i < from + count; i++) {
                values[i] = values[i] > 0 ? Math.max(values[i], Float8.SMALLEST_E4M3 * scales[block]) : values[i];
            }
            BlockScaled.encode(dtype, scales[block], values, from, count, bytes);
        }
        put(state.scales(), scales);
        Nd4jArrays.writeRow(state.elements(), 0, bytes.array());
    }

    static INDArray mainWeights(AdamWTensors tensors) {
        if (!tensors.hasRemainder()) {
            return tensors.main() == null ? read(tensors.value()) : read(tensors.main(), false);
        }
        ByteBuffer high = bytes(tensors.value());
        ByteBuffer low = bytes(tensors.main().elements());
        float[] weights = new float[Math.toIntExact(tensors.value().elements())];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = MainWeights.join(high.getShort(), low.getShort());
        }
        return array(weights);
    }

    /** Writes main weights and the values rounded from them. @param step number of the update */
    static void mainWeights(AdamWTensors tensors, INDArray numbers, long step) {
        if (tensors.rounding() != null) {
            roundedByChance(tensors, numbers, step);
            return;
        }
        if (tensors.main() == null) {
            write(StateTensor.plain(tensors.value()), false, numbers);
            return;
        }
        rounded(tensors.value(), numbers);
        if (!tensors.hasRemainder()) {
            write(tensors.main(), false, numbers);
            return;
        }
        ByteBuffer low = room(tensors.main().elements());
        for (float weight : numbers.dup().data().asFloat()) {
            low.putShort(MainWeights.lowHalf(weight));
        }
        Nd4jArrays.writeRow(tensors.main().elements(), 0, low.array());
    }

    private static void roundedByChance(AdamWTensors tensors, INDArray numbers, long step) {
        StochasticRounding rounding = tensors.rounding();
        RoundingBits bits = new RoundingBits(rounding, ((ByteBuffer) rounding.numbers().view()).asLongBuffer(), step);
        float[] results = numbers.dup().data().asFloat();
        ByteBuffer values = room(tensors.value());
        for (int i = 0; i < results.length; i++) {
            values.putShort(StochasticRounding.round(results[i], bits.of(i)));
        }
        Nd4jArrays.writeRow(tensors.value(), 0, values.array());
    }

    /** Values of 16 bits from main weights. */
    static void rounded(Tensor value, INDArray numbers) {
        float[] weights = numbers.dup().data().asFloat();
        for (int i = 0; i < weights.length; i++) {
            weights[i] = MainWeights.round(value.dtype(), weights[i]);
        }
        put(value, weights);
    }
}
