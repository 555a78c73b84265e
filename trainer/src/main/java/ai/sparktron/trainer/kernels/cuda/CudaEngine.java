package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.CheckedKernels;
import ai.sparktron.trainer.kernels.DeviceStreams;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.EngineFactory;
import ai.sparktron.trainer.kernels.HostStore;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.kernels.Readback;
import ai.sparktron.trainer.kernels.Replay;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Memory;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Function;

/**
 * One NVIDIA GPU: cuBLASLt's products, cuDNN's attention, kernels of our own for the rest, all on one stream. Closing frees everything on the device, also after a
 * failure, because the process may live on.
 */
public final class CudaEngine implements Engine, DeviceStreams {

    /**
     * How an engine works.
     *
     * @param folder        where compiled kernels and chosen algorithms are kept; processes may share it
     * @param tf32          whether products of float32 operands may be rounded to TF32
     * @param deterministic whether every run takes the same algorithms, so that it gives the same bits
     * @param attention     which kernels do attention
     * @param graphs        whether work that is repeated is recorded and replayed
     */
    public record Settings(Path folder, boolean tf32, boolean deterministic, Attention attention, boolean graphs) {
        /** Kernels in the user's cache folder, float32 as it is, the fastest algorithms. */
        public static Settings usual() {
            return new Settings(Path.of(System.getProperty("user.home"), ".cache", "sparktron", "kernels"), false, false, Attention.FASTEST, true);
        }

        /** These, but with other kernels of attention. */
        public Settings with(Attention kernels) {
            return new Settings(folder, tf32, deterministic, kernels, graphs);
        }

        /** These, but with the same bits at every run, or not. */
        public Settings withDeterministic(boolean same) {
            return new Settings(folder, tf32, same, attention, graphs);
        }

        /** These, but recording repeated work, or not. */
        public Settings withGraphs(boolean recorded) {
            return new Settings(folder, tf32, deterministic, attention, recorded);
        }
    }

    /** Kernels of attention; all give the same up to rounding. */
    public enum Attention {
        /** cuDNN's for what it takes, our own for the rest. */
        FASTEST,
        /** Our own on the tensor cores; those in float32 arithmetic for what they do not take. */
        OWN,
        /** Our own in float32 arithmetic, slow. */
        PLAIN
    }

    private final Deque<AutoCloseable> parts = new ArrayDeque<>();
    private final CudaDevice device;
    private final DeviceMemory memory;
    private final Staging staging;
    private final LateReads figures;
    private final Kernels kernels;
    private final boolean graphs;

    /** What the products and the attention of an engine are made of. */
    record Foundation(CudaDevice device, DeviceMemory memory, Staging staging, Modules modules, Workspace workspace, Settings settings) {
    }

    /**
     * @param products  makes the products; cuBLASLt's but in tests
     * @param attention makes the attention
     */
    CudaEngine(int ordinal, Settings settings, Function<Foundation, DeviceProducts> products, Function<Foundation, DeviceAttention> attention) {
        this.graphs = settings.graphs();
        try {
            this.device = part(CudaDevice.open(ordinal));
            this.memory = part(new DeviceMemory(device));
            this.staging = part(new Staging(device));
            this.figures = part(new LateReads(device));
            Modules modules = part(new Modules(device, new CubinCache(settings.folder())));
            Workspace workspace = part(new Workspace(memory, "kernels' workspace"));
            Foundation foundation = new Foundation(device, memory, staging, modules, workspace, settings);
            this.kernels = new CheckedKernels(part(new CudaKernels(foundation, products.apply(foundation), attention.apply(foundation))),
                    this::supports);
        } catch (RuntimeException | Error failure) {
            closeParts(failure);
            throw failure;
        }
    }

    private <T extends AutoCloseable> T part(T made) {
        parts.push(made);
        return made;
    }

    /** Opens GPUs by their number. */
    public static EngineFactory factory(Settings settings) {
        return ordinal -> new CudaEngine(ordinal, settings, CudaProducts::of, CudaAttention::of);
    }

    @Override
    public String name() {
        return "cuda";
    }

    @Override
    public String description() {
        return device.name() + ", GPU " + device.device() + ", " + device.multiprocessors() + " multiprocessors, " + (memory.totalBytes() >> 30) + " GiB";
    }

    @Override
    public Kernels kernels() {
        return kernels;
    }

    @Override
    public Memory memory() {
        return memory;
    }

    @Override
    public boolean supports(DType dtype) {
        return dtype == DType.F32 || dtype == DType.BF16 || dtype == DType.F16;
    }

    @Override
    public double peakFlops(DType dtype) {
        return PeakRates.of(device.name(), dtype);
    }

    @Override
    public long freeBytes() {
        return memory.freeBytes();
    }

    @Override
    public void write(Tensor tensor, ByteBuffer source) {
        requireSize(tensor, source);
        staging.write(tensor.address(), source);
    }

    @Override
    public void read(Tensor tensor, ByteBuffer target) {
        requireSize(tensor, target);
        staging.read(tensor.address(), target);
    }

    @Override
    public HostStore hostStore(int places) {
        return part(new CudaHostStore(device, places));
    }

    @Override
    public Readback readLater(Tensor tensor) {
        return figures.start(tensor);
    }

    @Override
    public Replay replay(String name, Runnable work) {
        return graphs ? part(new CudaGraph(device, memory, name, work)) : Replay.plain(work);
    }

    private static void requireSize(Tensor tensor, ByteBuffer bytes) {
        if (!tensor.isContiguous()) {
            throw new IllegalArgumentException(tensor + " cannot be moved to or from the host: it is not contiguous; copy it first");
        }
        if (bytes.remaining() != tensor.sizeBytes()) {
            throw new IllegalArgumentException(tensor + " has " + tensor.sizeBytes() + " bytes, the host's buffer " + bytes.remaining());
        }
    }

    @Override
    public void synchronize() {
        device.synchronize();
    }

    @Override
    public int device() {
        return device.device();
    }

    @Override
    public long compute() {
        return device.compute();
    }

    @Override
    public void close() {
        RuntimeException first = closeParts(null);
        if (first != null) {
            throw first;
        }
    }

    /** Newest first, all of them; what goes wrong is added to {@code failure}, or the first of it is returned. */
    private RuntimeException closeParts(Throwable failure) {
        RuntimeException first = null;
        while (!parts.isEmpty()) {
            try {
                parts.pop().close();
            } catch (Exception e) {
                if (failure != null) {
                    failure.addSuppressed(e);
                } else if (first == null) {
                    first = e instanceof RuntimeException known ? known : new IllegalStateException(e);
                } else {
                    first.addSuppressed(e);
                }
            }
        }
        return first;
    }
}
