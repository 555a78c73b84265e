package ai.sparktron.trainer.optimizer;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.EngineNumbers;
import ai.sparktron.trainer.kernels.StateTensor;
import ai.sparktron.trainer.kernels.StoredNumbers;
import ai.sparktron.trainer.kernels.TensorAccess;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A range of the flat buffers that this rank updates, with its main weights.
 *
 * @param value    [n]
 * @param main     main weights of the range; null where the values are
 * @param gradient [n]
 * @param base     flat element that element 0 is
 * @param home     where the main weights lie when that is not the engine's memory; null when it is
 */
public record OwnRange(Tensor value, StateTensor main, Tensor gradient, long base, TensorAccess home) {

    private static final int PIECE = 1 << 20;

    /** With main weights in the engine's memory. */
    public OwnRange(Tensor value, StateTensor main, Tensor gradient, long base) {
        this(value, main, gradient, base, null);
    }

    /** @param frame gives the main weights, not yet set */
    public static OwnRange allocate(StateTypes types, Tensor value, Tensor gradient, long base, Arena.Frame frame) {
        return new OwnRange(value, types.main() == null ? null : StateTensor.allocate(frame, "main weights", types.main(), value.elements()), gradient, base);
    }

    /** The same, with main weights that are another memory's. */
    OwnRange at(TensorAccess memory) {
        return new OwnRange(value, main, gradient, base, memory);
    }

    /** The main weights, with the values rounded from them. */
    public StoredNumbers weights(Engine engine) {
        return EngineNumbers.weights(engine, value, home == null ? engine : home, main);
    }

    /** A part of it that shares memory. */
    public OwnRange part(long from, long size) {
        return new OwnRange(value.rows(from, size), main == null ? null : main.rows(from, size), gradient.rows(from, size), base + from, home);
    }

    /** Main weights become what the values are. */
    public void adoptValues(Engine engine) {
        if (main == null) {
            return;
        }
        if (home != null && main.elements().dtype() == DType.I16) {
            main.clear(home); // The low halves of numbers that are bfloat16 already.
        } else if (home != null) {
            carry(EngineNumbers.of(engine, value), weights(engine));
        } else if (main.elements().dtype() == DType.F32) {
            engine.kernels().copy(value, main.elements());
        } else if (main.elements().dtype() == DType.I16) {
            main.clear(engine.kernels());
        } else {
            carry(EngineNumbers.of(engine, value), EngineNumbers.of(engine, main));
        }
    }

    private static void carry(StoredNumbers values, StoredNumbers weights) {
        ByteBuffer piece = ByteBuffer.allocateDirect(PIECE * Float.BYTES).order(ByteOrder.nativeOrder());
        for (long done = 0; done < values.size(); done += PIECE) {
            piece.clear().limit((int) Math.min(PIECE, values.size() - done) * Float.BYTES);
            values.read(done, piece);
            weights.write(done, piece.flip());
        }
    }
}
