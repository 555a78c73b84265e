package ai.sparktron.trainer.verify;

import ai.sparktron.trainer.kernels.TensorAccess;
import ai.sparktron.trainer.seam.ExpertChoices;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Queue;

/**
 * The experts that a rank's routers choose in one run, for the same forwards of another run: the same micro-batches on the same grid in the same order, and the same
 * layers run again in backward. Tokens of a rank are then the same too, padding among them. One thread.
 */
final class RecordedExperts {

    /** Of each router, what it chose in forwards that are not yet replayed, [T * k] each. */
    private final Map<String, Queue<int[]>> forwards = new LinkedHashMap<>();

    /** For the run whose choices are to be kept. */
    ExpertChoices recording() {
        return new ExpertChoices() {
            @Override
            public int[] given(String router, int slots) {
                return null;
            }

            @Override
            public void chosen(String router, Tensor ids, TensorAccess memory) {
                forwards.computeIfAbsent(router, name -> new ArrayDeque<>()).add(ints(ids, memory));
            }
        };
    }

    /** For the run that has the same experts. Its routers fail where they run more often, or with other tokens, than those recorded. */
    ExpertChoices replaying() {
        return new ExpertChoices() {
            @Override
            public int[] given(String router, int slots) {
                Queue<int[]> recorded = forwards.get(router);
                if (recorded == null || recorded.isEmpty()) {
                    throw new IllegalStateException(router + " runs forward more often than in the run whose experts were recorded, which has routers "
                            + forwards.keySet() + "; both must run the same passes");
                }
                int[] ids = recorded.remove();
                if (ids.length != slots) {
                    throw new IllegalStateException(router + " chooses " + slots + " experts in a forward where " + ids.length
                            + " were recorded; both runs must have the same tokens on the same grid");
                }
                return ids;
            }

            @Override
            public void chosen(String router, Tensor ids, TensorAccess memory) {
                // They are those given.
            }
        };
    }

    /** @throws IllegalStateException when a router has run less often than it was recorded, so that it had other forwards' experts */
    void requireAllReplayed() {
        forwards.forEach((router, left) -> {
            if (!left.isEmpty()) {
                throw new IllegalStateException(router + " left " + left.size() + " recorded forwards unused; both runs must run the same passes");
            }
        });
    }

    private static int[] ints(Tensor ids, TensorAccess memory) {
        ByteBuffer bytes = ByteBuffer.allocateDirect(Math.toIntExact(ids.sizeBytes())).order(ByteOrder.nativeOrder());
        memory.read(ids, bytes);
        bytes.clear();
        int[] values = new int[Math.toIntExact(ids.elements())];
        bytes.asIntBuffer().get(values);
        return values;
    }
}
