package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.DropPolicy;
import ai.sparktron.trainer.kernels.ExpertKernels;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * Slots sorted by expert and rows added up by place: {@code dispatch.cu}, {@code combine.cu}. Nothing is read back: counts and offsets stay on the device. With k
 * experts of a token and A the bytes of the tokens, adding up moves (k + 1) A; sorting moves a few integers a slot. Methods are those of {@link ExpertKernels}.
 */
final class DispatchKernels {

    private static final int CHUNK = 1024;
    private static final int WARPS = CHUNK / 32;
    /** Chunks are counted by fours, so that counts are summed by packs. */
    private static final int CHUNK_STEP = 4;
    private static final int THREADS = 256;

    private final Workspace workspace;
    private final Grid grid;
    private final Variants countSlots;
    private final Variants sumCounts;
    private final Variants placeSlots;
    private final Variants keepFirst;
    private final Variants keepHeaviest;
    private final Variants sumRows;

    DispatchKernels(CudaDevice device, Modules modules, Workspace workspace) {
        this.workspace = workspace;
        this.grid = new Grid(device.multiprocessors());
        this.countSlots = modules.variants("dispatch.cu", "countSlots");
        this.sumCounts = modules.variants("dispatch.cu", "sumCounts");
        this.placeSlots = modules.variants("dispatch.cu", "placeSlots");
        this.keepFirst = modules.variants("dispatch.cu", "keepFirst");
        this.keepHeaviest = modules.variants("dispatch.cu", "keepHeaviest");
        this.sumRows = modules.variants("combine.cu", "sumRows");
    }

    /** Of {@code dispatch.cu}, which is compiled as it is. */
    private static Kernel plain(Variants variants) {
        return variants.of(DType.I32, 1);
    }

    private static int chunks(int slots) {
        int chunks = (slots + CHUNK - 1) / CHUNK;
        return Math.max(1, (chunks + CHUNK_STEP - 1) / CHUNK_STEP) * CHUNK_STEP;
    }

    void sortByExpert(Tensor ids, int firstExpert, Tensor offsets, Tensor slots, Tensor tokens, Tensor places) {
        int experts = Math.toIntExact(offsets.elements() - 1);
        long counts = workspace.address((long) experts * chunks(Math.toIntExact(ids.elements())) * Integer.BYTES);
        sort(ids, firstExpert, experts, counts, offsets.address(), slots.address(), tokens.address(), slots.elements(), places.address(), places.rowStride());
    }

    /** @param tokens may be 0 */
    private void sort(Tensor ids, int firstExpert, int experts, long counts, long offsets, long slots, long tokens, long rows, long places, long placeStride) {
        int count = Math.toIntExact(ids.elements());
        int chosen = Math.toIntExact(ids.columns());
        int chunks = chunks(count);
        plain(countSlots).matrix(ids).integer(chosen).integer(count).integer(firstExpert).integer(experts).pointer(counts)
                .launch(chunks, 1, 1, CHUNK, experts * Integer.BYTES);
        plain(sumCounts).pointer(counts).integer(chunks).integer(experts).pointer(offsets).launch(1, 1, 1, CHUNK, 0);
        plain(placeSlots).matrix(ids).integer(chosen).integer(count).integer(firstExpert).integer(experts).pointer(counts).pointer(offsets).pointer(slots)
                .pointer(tokens).longInteger(rows).pointer(places).longInteger(placeStride).launch(chunks, 1, 1, CHUNK, WARPS * experts * Integer.BYTES);
    }

    void limit(Tensor ids, Tensor weights, int experts, int capacity, DropPolicy policy, Tensor kept) {
        int count = Math.toIntExact(ids.elements());
        int chosen = Math.toIntExact(ids.columns());
        long countBytes = (long) experts * chunks(count) * Integer.BYTES;
        long counts = workspace.address(countBytes + (experts + 1L + 2L * count) * Integer.BYTES);
        long offsets = counts + countBytes;
        long slots = offsets + (experts + 1L) * Integer.BYTES;
        long places = slots + (long) count * Integer.BYTES;
        sort(ids, 0, experts, counts, offsets, slots, 0, count, places, chosen);
        int first = policy == DropPolicy.POSITION ? capacity : Integer.MAX_VALUE;
        int blocks = (count + THREADS - 1) / THREADS;
        plain(keepFirst).matrix(ids).integer(chosen).integer(count).integer(first).pointer(offsets).pointer(places).matrix(kept).launch(blocks, 1, 1, THREADS, 0);
        if (policy == DropPolicy.PROBS) {
            plain(keepHeaviest).matrix(weights).integer(chosen).integer(capacity).integer(experts).pointer(offsets).pointer(slots).matrix(kept)
                    .launch(blocks, 1, 1, THREADS, 0);
        }
    }

    void sumRows(Tensor x, Tensor places, Tensor out, Write write) {
        grid.overRows(out.rows(), out.columns(), Grid.lanes(out)).with(x).with(out);
        grid.launch(sumRows.of(x.dtype(), grid.lanes()).matrix(x).matrix(places).integer(Math.toIntExact(places.columns())).matrix(out)
                .integer(write == Write.ACCUMULATE ? 1 : 0));
    }
}
