package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.kernels.AdamWTensors;
import ai.sparktron.trainer.kernels.RoundingBits;
import ai.sparktron.trainer.kernels.StateTensor;
import ai.sparktron.trainer.kernels.StochasticRounding;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.HalfPrecision;
import ai.sparktron.trainer.tensor.MainWeights;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ShortBuffer;

/** Main weights of a window and the values rounded from them, in each form of {@link AdamWTensors}. */
interface HostMainWeights {

    void load(int from, int count, float[] target);

    /** Writes main weights and values; {@code source} is left as it was. */
    void store(int from, int count, float[] source);

    /** @param step number of the update */
    static HostMainWeights of(AdamWTensors tensors, long from, long size, long step) {
        Tensor value = tensors.value().rows(from, size);
        if (tensors.rounding() != null) {
            StochasticRounding rounding = tensors.rounding().at(from);
            return chance(shorts(value), new RoundingBits(rounding, ((ByteBuffer) rounding.numbers().view()).asLongBuffer(), step));
        }
        if (tensors.main() == null) {
            return whole(HostState.of(StateTensor.plain(value), false), null);
        }
        StateTensor main = tensors.main().rows(from, size);
        return tensors.hasRemainder() ? split(shorts(value), shorts(main.elements())) : whole(HostState.of(main, false), rounded(value));
    }

    private static HostMainWeights whole(HostState main, HostMainWeights roundedOrNull) {
        return new HostMainWeights() {
            @Override
            public void load(int from, int count, float[] target) {
                main.load(from, count, target);
            }

            @Override
            public void store(int from, int count, float[] source) {
                if (roundedOrNull != null) {
                    roundedOrNull.store(from, count, source);
                }
                main.store(from, count, source);
            }
        };
    }

    /** Values alone, rounded by chance. */
    private static HostMainWeights chance(ShortBuffer values, RoundingBits bits) {
        return new HostMainWeights() {
            @Override
            public void load(int from, int count, float[] target) {
                for (int i = 0; i < count; i++) {
                    target[i] = HalfPrecision.fromBfloat16(values.get(from + i));
                }
            }

            @Override
            public void store(int from, int count, float[] source) {
                for (int i = 0; i < count; i++) {
                    values.put(from + i, StochasticRounding.round(source[i], bits.of(from + i)));
                }
            }
        };
    }

    /** The value and the low half of the main weight. */
    private static HostMainWeights split(ShortBuffer values, ShortBuffer lowHalves) {
        return new HostMainWeights() {
            @Override
            public void load(int from, int count, float[] target) {
                for (int i = 0; i < count; i++) {
                    target[i] = MainWeights.join(values.get(from + i), lowHalves.get(from + i));
                }
            }

            @Override
            public void store(int from, int count, float[] source) {
                for (int i = 0; i < count; i++) {
                    values.put(from + i, MainWeights.toBfloat16(source[i]));
                    lowHalves.put(from + i, MainWeights.lowHalf(source[i]));
                }
            }
        };
    }

    /** Values alone, rounded from main weights that are kept elsewhere. */
    static HostMainWeights rounded(Tensor value) {
        ShortBuffer values = shorts(value);
        boolean brain = value.dtype() == DType.BF16;
        return new HostMainWeights() {
            @Override
            public void load(int from, int count, float[] target) {
                throw new IllegalStateException("main weights are not in " + value);
            }

            @Override
            public void store(int from, int count, float[] source) {
                for (int i = 0; i < count; i++) {
                    values.put(from + i, brain ? MainWeights.toBfloat16(source[i]) : HalfPrecision.toFloat16(source[i]));
                }
            }
        };
    }

    private static ShortBuffer shorts(Tensor tensor) {
        return ((ByteBuffer) tensor.view()).asShortBuffer();
    }
}
