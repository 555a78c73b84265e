package ai.sparktron.trainer.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.sparktron.trainer.kernels.ReferenceEngine;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Packed gradients lie as their tensors do, by as few copies as that takes. */
class CudnnGradientOperandsTest {

    private static final int TOKENS = 32;
    private static final int MERGED = 512;
    private static final int HEADS = 256;
    private static final int GROUPS = 128;
    private static final int HALF_BYTES = 2;

    private final ReferenceEngine engine = new ReferenceEngine();
    private final StackArena arena = StackArena.growing("operands", engine.memory(), 1 << 16);
    private final Arena.Frame frame = arena.open("operands");
    private final CudnnGradientOperands operands = new CudnnGradientOperands();

    @AfterEach
    void close() {
        frame.close();
        arena.close();
        engine.close();
    }

    private void set(boolean packed, boolean grouped, Write write, int gradientWidth) {
        set(packed, grouped, write, gradientWidth, DType.BF16);
    }

    private void set(boolean packed, boolean grouped, Write write, int gradientWidth, DType gradients) {
        Tensor x = frame.tensor("qkv", DType.BF16, TOKENS, MERGED);
        Tensor dx = frame.tensor("qkv.grad", gradients, TOKENS, gradientWidth);
        Tensor out = frame.tensor("out", DType.BF16, TOKENS, HEADS);
        operands.begin(packed, grouped, write).made(CudnnGradientOperands.Q, x.columns(0, HEADS), dx.columns(0, HEADS))
                .made(CudnnGradientOperands.K, x.columns(HEADS, GROUPS), dx.columns(HEADS, GROUPS))
                .made(CudnnGradientOperands.V, x.columns(HEADS + GROUPS, GROUPS), dx.columns(HEADS + GROUPS, GROUPS)).read(out, out);
    }

    private void expectStrides(int pair, long operand, long gradient) {
        assertEquals(operand, operands.operandStride(pair), "operand " + pair);
        assertEquals(gradient, operands.gradientStride(pair), "gradient " + pair);
    }

    @Test
    void columnsOfMergedTensorsAreTakenAsTheyAre() {
        set(true, false, Write.OVERWRITE, MERGED);
        expectStrides(CudnnGradientOperands.Q, MERGED, MERGED);
        expectStrides(CudnnGradientOperands.K, MERGED, MERGED);
        expectStrides(CudnnGradientOperands.V, MERGED, MERGED);
        expectStrides(CudnnGradientOperands.OUT, HEADS, HEADS);
        assertEquals(0, operands.bytes());
    }

    @Test
    void groupedKeysAndValuesAreCopied() {
        set(true, true, Write.OVERWRITE, MERGED);
        expectStrides(CudnnGradientOperands.Q, MERGED, MERGED);
        expectStrides(CudnnGradientOperands.K, GROUPS, GROUPS);
        expectStrides(CudnnGradientOperands.V, GROUPS, GROUPS);
        assertEquals(4L * TOKENS * GROUPS * HALF_BYTES, operands.bytes());
    }

    @Test
    void unlikeStridesAreCopiedOnBothSides() {
        set(true, false, Write.OVERWRITE, MERGED + 16);
        expectStrides(CudnnGradientOperands.Q, HEADS, HEADS);
        expectStrides(CudnnGradientOperands.K, GROUPS, GROUPS);
        assertEquals((2L * HEADS + 4L * GROUPS) * TOKENS * HALF_BYTES, operands.bytes());
    }

    /** A dense batch has no offsets, so each tensor goes by its own stride. */
    @Test
    void denseGradientsAreCopiedOnlyToAdd() {
        set(false, true, Write.OVERWRITE, MERGED + 16);
        expectStrides(CudnnGradientOperands.K, MERGED, MERGED + 16);
        assertEquals(0, operands.bytes());
        set(false, true, Write.ACCUMULATE, MERGED);
        expectStrides(CudnnGradientOperands.K, MERGED, GROUPS);
        assertEquals((HEADS + 2L * GROUPS) * TOKENS * HALF_BYTES, operands.bytes());
    }

    /** cuDNN makes them in their tensors' type. */
    @Test
    void gradientsInFloat32AreConverted() {
        set(false, true, Write.OVERWRITE, MERGED, DType.F32);
        expectStrides(CudnnGradientOperands.Q, MERGED, HEADS);
        expectStrides(CudnnGradientOperands.K, MERGED, GROUPS);
        assertEquals((HEADS + 2L * GROUPS) * TOKENS * HALF_BYTES, operands.bytes());
        set(true, false, Write.OVERWRITE, MERGED, DType.F32);
        expectStrides(CudnnGradientOperands.Q, HEADS, HEADS);
        assertEquals(2 * (HEADS + 2L * GROUPS) * TOKENS * HALF_BYTES, operands.bytes());
    }

    @Test
    void outputsWithUnlikeGradientsAreCopied() {
        Tensor wide = frame.tensor("wide", DType.BF16, TOKENS, MERGED);
        Tensor out = frame.tensor("out", DType.BF16, TOKENS, HEADS);
        set(true, false, Write.OVERWRITE, MERGED);
        operands.read(out, wide.columns(0, HEADS));
        expectStrides(CudnnGradientOperands.OUT, HEADS, HEADS);
        assertEquals((long) TOKENS * HEADS * HALF_BYTES, operands.bytes());
    }
}
