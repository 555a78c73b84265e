package ai.sparktron.trainer.config;

import java.io.Serial;
import java.io.Serializable;
import java.lang.reflect.RecordComponent;
import java.util.Map;
import java.util.Set;

/**
 * Every option of one command, one record per concern. The entry type of this package.
 *
 * <p>Made by {@link OptionParser} from a command line, by {@link ArgsFile} from {@code args.json}, or in tests and notebooks by
 * {@link #of(Command, String...)}. Concerns that a command does not take hold their defaults. Values that follow from others (data-parallel
 * size, accumulation steps, the learning rate's default) are in {@link Derived}. Travels to executors by Java serialisation.
 *
 * @param command what is to be done
 * @param given names of the options that were given, on the command line or in a file
 */
public record Options(
        Command command,
        Set<String> given,
        ProgramOptions program,
        ModelOptions model,
        ArchitectureOptions architecture,
        MoeOptions moe,
        MlaOptions mla,
        TunerOptions tuner,
        DataOptions data,
        TemplateOptions template,
        PackingOptions packing,
        PrepareOptions prepare,
        TrainingOptions training,
        LearningRateOptions learningRate,
        OptimizerOptions optimizer,
        PrecisionOptions precision,
        Fp8Options fp8,
        RecomputeOptions recompute,
        KernelOptions kernels,
        LoaderOptions loader,
        CheckpointOptions checkpoint,
        EvaluationOptions evaluation,
        LoggingOptions logging,
        PreferenceOptions preference,
        InferOptions infer,
        ExportOptions export,
        VerifyOptions verify,
        ParallelOptions parallel,
        EngineOptions engine,
        ClusterOptions cluster,
        PlanOptions plan) implements Serializable {

    public Options {
        given = Set.copyOf(given);
    }

    /** The defaults of a command. */
    public static Options defaults(Command command) {
        return of(command);
    }

    /**
     * Options from {@code --name value} words, with the checks of values and of options against each other, but without asking for what
     * a complete command line must have (a model, a data set).
     *
     * @throws ConfigurationException with all problems found
     */
    public static Options of(Command command, String... words) {
        return OptionParser.parse(command, words, Map.of(), OptionParser.Completeness.PARTIAL);
    }

    /** These options with one changed, named and written as on the command line without the dashes: {@code with("lr", "1e-3")}. */
    public Options with(String name, String value) {
        return with(Map.of(name, value));
    }

    /**
     * These options with some changed together.
     *
     * @throws ConfigurationException with all that does not fit
     */
    public Options with(Map<String, String> values) {
        return ArgsFile.changed(this, values);
    }

    /** The value of an option in force, as it would be written; empty where it has none. */
    public String text(String name) {
        OptionEntry entry = OptionTable.find(command, name).orElseThrow(() -> new ConfigurationException(Suggestions.unknown(command, name, "Options.text")));
        return String.join(" ", entry.type().words(entry.valueIn(this)));
    }

    /** Whether an option was given, rather than left at its default. Names are those of the first spelling. */
    public boolean given(String name) {
        return given.contains(name);
    }

    /** Whether documents come in twos: a chosen and a rejected answer, or an answer and another prompt's. */
    public boolean trainsOnPairs() {
        return command == Command.RLHF || command == Command.PREPARE && prepare.task().equals("rlhf");
    }

    /** Kind of training on preferences: {@code dpo}, {@code kto} ... Means something where {@link #trainsOnPairs}. */
    public String rlhfType() {
        return command == Command.PREPARE ? prepare.rlhfType() : preference.rlhfType();
    }

    /** Whether the model learns to give answers rewards. */
    public boolean trainsRewards() {
        return command == Command.RLHF && preference.rlhfType().equals("rm");
    }

    /** Values that follow from the options. */
    public Derived derived() {
        return Derived.of(this);
    }

    /** The record of one concern. */
    <R extends Record> R concern(Class<R> type) {
        for (RecordComponent component : Options.class.getRecordComponents()) {
            if (component.getType() == type) {
                return type.cast(OptionTable.read(component, this));
            }
        }
        throw new IllegalStateException(type + " is not a concern of Options");
    }

    /** Options travel as {@code args.json} text, since Optional is not serialisable. */
    @Serial
    private Object writeReplace() {
        return new Text(ArgsFile.toJson(this));
    }

    private record Text(String json) implements Serializable {
        @Serial
        private Object readResolve() {
            return ArgsFile.fromJson(json, "options sent to this process");
        }
    }
}
