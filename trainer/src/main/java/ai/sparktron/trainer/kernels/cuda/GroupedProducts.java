package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.ExpertKernels;
import ai.sparktron.trainer.kernels.Transpose;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.IntFunction;

/**
 * Products of experts in one launch: blocks read on the device how many rows each expert has, so the host neither knows nor waits. In half precision on the tensor
 * cores ({@code groupedTensor.cu}), in tiles that are timed on the first operands of a shape and remembered on disk; other operands in float32
 * ({@code groupedPlain.cu}). Sums are in float32. Methods are those of {@link ExpertKernels}. Used by the device's thread.
 */
final class GroupedProducts implements AutoCloseable {

    private static final int ALIGNMENT_BYTES = 16;
    private static final int CHUNK = 8;
    private static final int PLAIN_THREADS = 256;
    private static final int PLAIN_BLOCKS = 4;
    /** Of {@code groupedTensor.cu}: what is done with products. */
    private static final int MOVE_ALIKE = 0;
    private static final int ADD = 1;
    private static final int WRITE = 2;

    private final CudaDevice device;
    private final Modules modules;
    private final IntFunction<List<GroupedTiles>> candidates;
    private final boolean timed;
    private final AlgorithmFile file;
    private final DeviceTimer timer;
    private final Variants plainSegments;
    private final Variants plainGradient;
    private final TensorMap left = new TensorMap();
    private final TensorMap right = new TensorMap();
    private final Map<GroupedKey, Plan> plans = new HashMap<>();
    private final GroupedKey probe = new GroupedKey();

    /** A kernel, the products it makes and the tiles it is compiled for. */
    private record Plan(GroupedKey.Kind kind, Kernel kernel, GroupedTiles tiles) {
    }

    GroupedProducts(CudaEngine.Foundation engine) {
        this(engine, experts -> GroupedTiles.candidates(engine.device().capability(), engine.device().sharedMemoryBytes(), experts), !engine.settings().deterministic());
    }

    /**
     * @param candidates tiles for so many experts
     * @param timed      whether the fastest is taken; otherwise the first, the same in every run
     */
    GroupedProducts(CudaEngine.Foundation engine, IntFunction<List<GroupedTiles>> candidates, boolean timed) {
        this.candidates = candidates;
        this.device = engine.device();
        this.modules = engine.modules();
        this.timed = timed;
        this.file = new AlgorithmFile(engine.settings().folder(), device.name() + "-sm" + device.capability() + "-experts");
        this.timer = new DeviceTimer(device);
        List<String> before = List.of("grouped.cuh");
        this.plainSegments = modules.variants(before, "groupedPlain.cu", "plainSegments");
        this.plainGradient = modules.variants(before, "groupedPlain.cu", "plainGradient");
    }

    void multiply(Tensor x, Tensor offsets, Tensor w, Transpose transposeW, Tensor out, Write write) {
        int experts = Math.toIntExact(offsets.elements() - 1);
        int inner = Math.toIntExact(x.columns());
        int columns = Math.toIntExact(out.columns());
        int height = transposeW == Transpose.YES ? columns : inner;
        boolean adds = write == Write.ACCUMULATE;
        if (!tensorCores(x, x, w, out)) {
            plainSegments.of(x.dtype(), 1).matrix(x).pointer(offsets).integer(experts).matrix(w).integer(height).integer(transposeW == Transpose.YES ? 1 : 0)
                    .matrix(out).integer(columns).integer(inner).integer(adds ? 1 : 0)
                    .launch(device.multiprocessors() * PLAIN_BLOCKS, 1, 1, PLAIN_THREADS, (experts + 1) * Integer.BYTES);
            return;
        }
        probe.set(GroupedKey.Kind.of(transposeW, write), x.dtype(), out.dtype(), experts, inner, columns, x.rows());
        Plan plan = plans.get(probe);
        if (plan == null) {
            plan = choose(probe.copy(), x.dtype(), out.dtype(), experts, any -> () -> launch(any, x, offsets, experts, w, height, out, adds ? MOVE_ALIKE : WRITE));
        }
        launch(plan, x, offsets, experts, w, height, out, adds ? ADD : WRITE);
    }

    private void launch(Plan plan, Tensor x, Tensor offsets, int experts, Tensor w, int height, Tensor out, int mode) {
        GroupedTiles tiles = plan.tiles;
        if (tiles.hasMaps()) {
            plan.kernel.structure(left.of(x, 1, tiles.rows())).structure(right.of(w, experts, plan.kind.isForward() ? tiles.columns() : GroupedTiles.DEPTH));
        } else {
            plan.kernel.matrix(x).matrix(w).integer(height);
        }
        launch(tiles, plan.kernel.pointer(offsets).integer(experts).matrix(out).integer((int) out.columns()).integer((int) x.columns()).integer(mode), experts);
    }

    void gradient(Tensor dy, Tensor x, Tensor offsets, Tensor dW, Write write) {
        int experts = Math.toIntExact(offsets.elements() - 1);
        int rows = Math.toIntExact(dy.columns());
        int columns = Math.toIntExact(x.columns());
        if (!tensorCores(x, dy, x, dW)) {
            plainGradient.of(x.dtype(), dW.dtype(), 1).matrix(dy).matrix(x).pointer(offsets).integer(experts).matrix(dW).integer(rows).integer(columns)
                    .integer(write == Write.ACCUMULATE ? 1 : 0).launch(device.multiprocessors() * PLAIN_BLOCKS, 1, 1, PLAIN_THREADS, 0);
            return;
        }
        boolean adds = write == Write.ACCUMULATE;
        probe.set(adds ? GroupedKey.Kind.ADDED_WEIGHT_GRADIENT : GroupedKey.Kind.WEIGHT_GRADIENT, x.dtype(), dW.dtype(), experts, rows, columns, x.rows());
        Plan plan = plans.get(probe);
        if (plan == null) {
            plan = choose(probe.copy(), x.dtype(), dW.dtype(), experts, any -> () -> launch(any, dy, x, offsets, experts, dW, adds ? MOVE_ALIKE : WRITE));
        }
        launch(plan, dy, x, offsets, experts, dW, adds ? ADD : WRITE);
    }

    private void launch(Plan plan, Tensor dy, Tensor x, Tensor offsets, int experts, Tensor dW, int mode) {
        if (plan.tiles.hasMaps()) {
            plan.kernel.structure(left.of(dy, 1, GroupedTiles.DEPTH)).structure(right.of(x, 1, GroupedTiles.DEPTH));
        } else {
            plan.kernel.matrix(dy).matrix(x).integer(0);
        }
        launch(plan.tiles, plan.kernel.pointer(offsets).integer(experts).matrix(dW).integer((int) dy.columns()).integer((int) x.columns()).integer(mode), experts);
    }

    private void launch(GroupedTiles tiles, Kernel kernel, int experts) {
        kernel.launch(device.multiprocessors() * tiles.blocks(), 1, 1, tiles.threads(), tiles.sharedBytes(experts));
    }

    private static boolean tensorCores(Tensor first, Tensor a, Tensor b, Tensor out) {
        return (first.dtype() == DType.BF16 || first.dtype() == DType.F16) && aligned(a) && aligned(b) && aligned(out);
    }

    private static boolean aligned(Tensor tensor) {
        return tensor.address() % ALIGNMENT_BYTES == 0 && tensor.columns() % CHUNK == 0 && (tensor.rows() <= 1 || tensor.rowStride() % CHUNK == 0);
    }

    private Plan choose(GroupedKey key, DType operands, DType result, int experts, Function<Plan, Runnable> trial) {
        List<GroupedTiles> fitting = candidates.apply(experts);
        if (fitting.isEmpty()) {
            throw new CudaException("products of " + experts + " experts: no kernel fits into the " + device.sharedMemoryBytes() + " bytes of shared memory of "
                    + device.name() + "; share the experts out over more ranks (--expert_model_parallel_size)");
        }
        // What was the fastest of other candidates says nothing of these.
        String name = key + ":of" + fitting.size();
        Plan chosen = known(name, fitting).map(tiles -> plan(key, operands, result, tiles)).orElse(null);
        if (chosen == null) {
            chosen = timed ? fastest(fitting.stream().map(tiles -> plan(key, operands, result, tiles)).toList(), trial) : plan(key, operands, result, fitting.get(0));
            if (timed) {
                file.put(name, chosen.tiles.code().getBytes(StandardCharsets.US_ASCII));
            }
        }
        plans.put(key, chosen);
        return chosen;
    }

    private Optional<GroupedTiles> known(String name, List<GroupedTiles> fitting) {
        Optional<String> code = timed ? file.get(name).map(bytes -> new String(bytes, StandardCharsets.US_ASCII)) : Optional.empty();
        return fitting.stream().filter(tiles -> code.isPresent() && tiles.code().equals(code.get())).findFirst();
    }

    private Plan fastest(List<Plan> plans, Function<Plan, Runnable> trial) {
        return plans.get(timer.fastest(plans.stream().map(trial).toList()));
    }

    private Plan plan(GroupedKey key, DType operands, DType result, GroupedTiles tiles) {
        List<String> defines = new ArrayList<>(tiles.defines());
        defines.add("TYPE=" + half(operands));
        defines.add("RESULT=" + (result == DType.F32 ? "float" : half(result)));
        defines.add(switch (key.kind()) {
            case FORWARD, ADDED_FORWARD -> "RIGHT_LAYOUT=ALONG";
            case INPUT_GRADIENT, ADDED_INPUT_GRADIENT -> "RIGHT_LAYOUT=ACROSS_SUM";
            case WEIGHT_GRADIENT, ADDED_WEIGHT_GRADIENT -> "GRADIENT=1";
        });
        if (key.kind().addsRows()) {
            defines.add("ADDS=1");
        }
        KernelModule module = modules.of(tiles.sources(), defines);
        return new Plan(key.kind(), module.kernel(key.kind().isOfWeights() ? "tensorGradient" : "tensorSegments"), tiles);
    }

    private static String half(DType type) {
        return type == DType.BF16 ? "bf16" : "f16";
    }

    @Override
    public void close() {
        left.close();
        right.close();
        timer.close();
    }
}
