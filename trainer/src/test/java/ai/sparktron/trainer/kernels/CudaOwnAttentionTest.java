package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.kernels.cuda.CudaTestEngines;
import ai.sparktron.trainer.tensor.DType;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Our own attention on a GPU, in half precision; it takes every layout. */
@Tag("gpu")
class CudaOwnAttentionTest extends HalfAttentionContract {

    @Override
    Engine openEngine() {
        return CudaTestEngines.withOwnAttention();
    }

    /** Heads that are narrower than any that kernels are made for, and a row of them that is no multiple of 16. */
    @Test
    void headSizesBetweenThoseOfKernels() {
        compare(DType.BF16, new AttentionShape(3, 1, 40, 72, 0.2f), documents(31, 140), Write.OVERWRITE);
        compare(DType.F16, new AttentionShape(2, 2, 136, 8, 0.1f), documents(90, 3), Write.ACCUMULATE);
    }

    /** The first and the last chunk of a row against all keys, as a rank of context parallelism has them. */
    @Test
    void headAndTailChunksAgainstGatheredKeys() {
        TokenLayout keys = layout(new int[] {0, 1}, new int[] {0, 0}, new int[] {110, 290});
        TokenLayout queries = layout(new int[] {0, 1}, new int[] {0, 190}, new int[] {100, 100});
        compare(DType.BF16, new AttentionShape(4, 2, 64, 64, 0.12f), queries, keys, Write.OVERWRITE);
        compare(DType.BF16, new AttentionShape(2, 1, 128, 128, 0.09f), queries, keys, Write.ACCUMULATE);
    }

    /** One and a few new tokens of sequences against a long cache: keys are shared out over the device. */
    @Test
    void newTokensAgainstALongCache() {
        TokenLayout one = layout(new int[] {3}, new int[] {1499}, new int[] {1});
        compare(DType.BF16, new AttentionShape(7, 1, 64, 64, 0.12f), one, layout(new int[] {3}, new int[] {0}, new int[] {1500}), Write.OVERWRITE);
        TokenLayout few = layout(new int[] {0, 2, 5}, new int[] {700, 3, 0}, new int[] {2, 1, 1});
        TokenLayout cache = layout(new int[] {0, 1, 2}, new int[] {0, 0, 0}, new int[] {702, 300, 4});
        compare(DType.F16, new AttentionShape(2, 2, 128, 128, 0.09f), few, cache, Write.OVERWRITE);
    }

    /** Queries without keys, keys without queries, keys ahead of their queries. */
    @Test
    void rowsWithoutPartners() {
        TokenLayout queries = layout(new int[] {0, 2, 3, 8}, new int[] {5, 0, 40, 0}, new int[] {70, 20, 100, 10});
        TokenLayout keys = layout(new int[] {0, 1, 3, 9}, new int[] {60, 0, 0, 0}, new int[] {50, 80, 120, 7});
        compare(DType.BF16, new AttentionShape(2, 1, 64, 64, 0.12f), queries, keys, Write.OVERWRITE);
    }

    private TokenLayout documents(int... lengths) {
        return layout(IntStream.range(0, lengths.length).toArray(), new int[lengths.length], lengths);
    }

    private void compare(DType dtype, AttentionShape shape, TokenLayout layout, Write write) {
        compare(dtype, shape, layout, layout, write);
    }
}
