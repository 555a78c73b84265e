package ai.sparktron.trainer.layer;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Quantised.Blocks;
import ai.sparktron.trainer.kernels.Quantised;
import ai.sparktron.trainer.layer.Fp8Settings.Recipe;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * What the linears of a rank share where they multiply in eight bits: settings, weights in eight bits, and which version of the weights is the newest. Used by the engine's
 * thread.
 */
public final class Fp8 {

    private final Fp8Settings settings;
    private final Arena.Frame run;
    private final boolean training;
    private final Fp8History history;
    private final Map<Parameter, Fp8Weight> weights;
    private long version;

    /**
     * @param config of the whole model
     * @param run    gives weights in eight bits and histories
     * @throws UnsupportedOperationException when the engine does not multiply in eight bits
     */
    public Fp8(Fp8Settings settings, ModelConfig config, Engine engine, Arena.Frame run) {
        this(settings, run, true, settings.recipe() == Recipe.DELAYED ? new Fp8History(engine, operands(config), settings, run) : null, new IdentityHashMap<>());
        engine.kernels().fp8();
    }

    private Fp8(Fp8Settings settings, Arena.Frame run, boolean training, Fp8History history, Map<Parameter, Fp8Weight> weights) {
        this.settings = settings;
        this.run = run;
        this.training = training;
        this.history = history;
        this.weights = weights;
    }

    /** For a frozen model beside the trained one: shares weights that are the same, and scales operands by themselves where the other remembers. */
    public Fp8 forReference() {
        Fp8Settings own = settings.recipe() == Recipe.DELAYED ? new Fp8Settings(Recipe.TENSORWISE, settings.gradients(), settings.historySteps(), settings.outlook())
                : settings;
        return new Fp8(own, run, false, null, weights);
    }

    private static List<String> operands(ModelConfig config) {
        return DecoderSpecs.of(config).stream().filter(spec -> spec.parts().get(0).dims().size() == 2).flatMap(spec -> Stream.of(input(spec.name()), gradient(spec.name())))
                .toList();
    }

    private static String input(String weight) {
        return weight + " input";
    }

    private static String gradient(String weight) {
        return weight + " gradient";
    }

    Fp8Settings settings() {
        return settings;
    }

    /** Of the trained weights. */
    long version() {
        return version;
    }

    /** What has a scale in activations and gradients. */
    Blocks blocks() {
        return settings.recipe() == Recipe.BLOCKWISE ? Blocks.ROW_PIECES : Blocks.WHOLE;
    }

    /** Whether tensor cores take the weight as it is cut here. */
    boolean takes(Parameter weight) {
        return weight.value().rows() % Quantised.MULTIPLE == 0 && weight.value().columns() % Quantised.MULTIPLE == 0;
    }

    Fp8Weight weight(Parameter weight) {
        return weights.computeIfAbsent(weight, key -> new Fp8Weight(key, settings.recipe(), training, run));
    }

    Fp8Scaling ofInputs(Parameter weight) {
        return scaling(input(weight.spec().name()));
    }

    Fp8Scaling ofGradients(Parameter weight) {
        return scaling(gradient(weight.spec().name()));
    }

    private Fp8Scaling scaling(String operand) {
        return history != null ? history.of(operand) : settings.recipe() == Recipe.BLOCKWISE ? Fp8Scaling.BLOCKS : Fp8Scaling.OWN;
    }

    /** Linears of this rank whose weights are here in eight bits. */
    public int linears() {
        return weights.size();
    }

    /** What is in eight bits, in a line. */
    public String summary() {
        return linears() + " linears of this rank multiply in eight bits: weights and inputs in " + DType.F8_E4M3 + ", gradients in " + settings.gradients() + ", scaled "
                + settings.recipe().name().toLowerCase(Locale.ROOT);
    }

    /** The weights have changed: ends a step. @param overRanks makes float32 numbers the maxima over all ranks; not called where nothing is remembered */
    public void afterStep(Consumer<Tensor> overRanks) {
        version++;
        if (history != null) {
            history.afterStep(overRanks);
        }
    }

    /** What is remembered from step to step; empty where nothing is. */
    public Optional<Fp8History> history() {
        return Optional.ofNullable(history);
    }
}
