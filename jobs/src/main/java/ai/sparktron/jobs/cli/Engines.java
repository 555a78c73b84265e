package ai.sparktron.jobs.cli;

import ai.sparktron.trainer.comm.nccl.NcclSettings;
import ai.sparktron.trainer.comm.nccl.NcclWorld;
import ai.sparktron.trainer.config.InferOptions;
import ai.sparktron.trainer.config.KernelOptions;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.kernels.DeviceStreams;
import ai.sparktron.trainer.kernels.EngineFactory;
import ai.sparktron.trainer.kernels.cuda.CudaEngine;
import ai.sparktron.trainer.kernels.nd4j.Nd4jEngines;
import ai.sparktron.trainer.train.TensorWorlds;
import java.nio.file.Path;
import java.time.Duration;

/** Engines by option. */
final class Engines {

    /** NCCL joins hundreds of ranks in seconds where the network is right. */
    private static final Duration JOIN_LIMIT = Duration.ofMinutes(5);

    private Engines() {
    }

    /** The engine that {@code --engine} and {@code --kernels} name. */
    static EngineFactory of(Options options) {
        return switch (options.engine().engine()) {
            case ND4J -> switch (options.engine().kernels()) {
                case HOST -> Nd4jEngines.factory(Nd4jEngines.Face.HOST);
                case ND4J -> Nd4jEngines.factory(Nd4jEngines.Face.ND4J);
            };
            case CUDA -> CudaEngine.factory(cuda(options));
        };
    }

    /** How {@code --deterministic_mode}, {@code --attention_backend}, {@code --cuda_graph_impl} and the kernels' cache make a GPU's engine. */
    static CudaEngine.Settings cuda(Options options) {
        CudaEngine.Settings usual = CudaEngine.Settings.usual();
        return new CudaEngine.Settings(options.engine().kernelCache().map(Path::of).orElse(usual.folder()), usual.tf32(), options.kernels().deterministicMode(),
                attention(options.kernels().attentionBackend()), options.infer().cudaGraphImpl() == InferOptions.Graphs.LOCAL);
    }

    private static CudaEngine.Attention attention(KernelOptions.AttentionBackend backend) {
        return switch (backend) {
            case AUTO, FUSED -> CudaEngine.Attention.FASTEST;
            case FLASH -> CudaEngine.Attention.OWN;
            case UNFUSED, LOCAL -> CudaEngine.Attention.PLAIN;
            case FLASH_2, FLASH_3, FLASH_4 -> throw new IllegalStateException("attention backend " + backend + " is refused by the parser");
        };
    }

    /** Tensors of the host go over its own world, those of GPUs over NCCL, with the hosts' world for control. */
    static TensorWorlds worlds(Options options) {
        return switch (options.engine().engine()) {
            case ND4J -> TensorWorlds.HOST;
            case CUDA -> (host, engine) -> {
                if (!(engine instanceof DeviceStreams device)) {
                    throw new IllegalStateException("engine " + engine.name() + " has no stream that NCCL could join");
                }
                Duration limit = Duration.ofMillis((long) (options.derived().collectiveTimeoutSeconds() * 1_000));
                return host.size() == 1 ? host : new NcclWorld(host, device, new NcclSettings(JOIN_LIMIT, limit, NcclSettings.USUAL_COMPARED_CALLS));
            };
        };
    }
}
