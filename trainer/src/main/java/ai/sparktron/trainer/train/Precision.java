package ai.sparktron.trainer.train;

import ai.sparktron.trainer.config.ConfigurationException;
import ai.sparktron.trainer.config.EngineOptions;
import ai.sparktron.trainer.config.OptimizerOptions;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.config.PrecisionOptions;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.optimizer.StateTypes;
import ai.sparktron.trainer.tensor.DType;

/** The types that a run computes in and keeps its numbers in, by the options. Pure functions. */
public final class Precision {

    private Precision() {
    }

    /**
     * Type of weights and activations: as the options say; where they say nothing, that of the model's files on a GPU and float32 on the CPU, where narrower types
     * only cost time.
     *
     * @param files type of the weights in the model's files
     */
    public static DType values(Options options, DType files) {
        boolean device = options.engine().engine() == EngineOptions.Engine.CUDA;
        return asked(options.precision(), device ? files : DType.F32);
    }

    /** As the options say; where they say nothing, the other. */
    public static DType asked(PrecisionOptions precision, DType otherwise) {
        if (precision.bf16().orElse(false)) {
            return DType.BF16;
        }
        if (precision.fp16().orElse(false)) {
            return DType.F16;
        }
        if (precision.torchDtype().isPresent()) {
            return switch (precision.torchDtype().get()) {
                case "bfloat16" -> DType.BF16;
                case "float16" -> DType.F16;
                default -> DType.F32;
            };
        }
        boolean refused = otherwise == DType.BF16 && precision.bf16().isPresent() || otherwise == DType.F16 && precision.fp16().isPresent();
        return refused ? DType.F32 : otherwise;
    }

    /** @throws ConfigurationException when the engine does not compute in this type */
    public static void require(Engine engine, DType values) {
        if (!engine.supports(values)) {
            throw new ConfigurationException("weights and activations in " + values + " (--bf16, --fp16, --torch_dtype): " + engine.description()
                    + " computes in float32 alone; leave the option out, or use --kernels host or --engine cuda");
        }
    }

    /**
     * Types of all that training keeps per parameter. Main weights are float32 to the last bit also where only their low halves are kept beside bfloat16 values:
     * less memory and less to move, for the same numbers. Where bfloat16 values are asked for as the only weights there are none.
     *
     * @param values type of weights and activations
     * @throws ConfigurationException when options do not fit each other
     */
    public static StateTypes states(Options options, DType values) {
        OptimizerOptions optimizer = options.optimizer();
        boolean adam = optimizer.optimizer() == OptimizerOptions.Kind.ADAM;
        boolean narrow = values != DType.F32;
        boolean aware = optimizer.usePrecisionAwareOptimizer();
        boolean halfMain = aware && optimizer.mainParamsDtype().equals("fp16");
        boolean alone = aware && optimizer.mainParamsDtype().equals("bf16");
        boolean narrowGradients = aware && optimizer.mainGradsDtype().equals("bf16");
        if (halfMain && !narrow) {
            throw new ConfigurationException("--main_params_dtype fp16 keeps main weights beside weights of 16 bits, and this run's weights are float32: use"
                    + " --bf16 true or leave it out");
        }
        if (alone && values != DType.BF16) {
            throw new ConfigurationException("--main_params_dtype bf16 keeps bfloat16 weights alone, and this run's weights are " + values + ": use --bf16 true or leave it"
                    + " out");
        }
        if (narrowGradients && values != DType.BF16) {
            throw new ConfigurationException("--main_grads_dtype bf16 goes with --bf16 true, and this run's weights are " + values + ": use --bf16 true or leave it out");
        }
        DType main = !narrow || alone ? null : halfMain ? DType.F16 : adam && values == DType.BF16 ? DType.I16 : DType.F32;
        return new StateTypes(values, narrowGradients ? DType.BF16 : DType.F32, main,
                aware ? moment(optimizer.expAvgDtype()) : DType.F32, aware ? moment(optimizer.expAvgSqDtype()) : DType.F32);
    }

    private static DType moment(String name) {
        return switch (name) {
            case "fp32" -> DType.F32;
            case "fp16" -> DType.F16;
            case "bf16" -> DType.BF16;
            case "fp8" -> DType.F8_E4M3;
            default -> throw new IllegalStateException("moments in " + name + " are refused when options are parsed");
        };
    }
}
