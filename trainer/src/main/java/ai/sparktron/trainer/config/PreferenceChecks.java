package ai.sparktron.trainer.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What options of training on preferences ask of others and of each other. */
final class PreferenceChecks {

    private static final List<String> SMOOTHED = List.of("sigmoid", "robust", "exo_pair", "aot", "aot_pair");
    private static final List<String> OF_MARGINS = List.of("sigmoid", "robust", "hinge", "ipo", "exo_pair");

    private static final List<String> OF_POLICIES = List.of("ref_load", "beta", "rpo_alpha", "reference_free", "label_smoothing", "f_divergence_type", "loss_type",
            "desirable_weight", "undesirable_weight", "calculate_kl");
    private static final List<String> OF_LABELS = List.of("kto", "apo_zero_unpaired");

    private final List<String> problems = new ArrayList<>();

    private PreferenceChecks() {
    }

    /** What is wrong, in the words of {@link CrossChecks}. */
    static List<String> problems(Options options) {
        PreferenceChecks checks = new PreferenceChecks();
        if (options.trainsOnPairs()) {
            checks.pairs(options);
        }
        if (options.command() == Command.RLHF) {
            checks.losses(options.preference());
            checks.reference(options);
            checks.rewards(options);
        }
        return List.copyOf(checks.problems);
    }

    private void require(boolean holds, String problem) {
        if (!holds) {
            problems.add(problem);
        }
    }

    private void pairs(Options options) {
        Optional<Integer> maxLength = options.template().maxLength();
        options.packing().packingLength().ifPresent(length -> require(maxLength.isEmpty() || 2L * maxLength.get() <= length, "--packing_length " + length
                + " is below twice --max_length " + maxLength.orElse(0) + ": a row must have room for both answers of a pair, each with its prompt"));
        require(!options.template().truncationStrategy().equals("split"), "--truncation_strategy split makes several samples of one answer and excludes preferences;"
                + " choose delete, left or right");
    }

    private void losses(PreferenceOptions preference) {
        require(preference.rlhfType().equals("rm") || preference.centerRewardsCoefficient().isEmpty(), "--center_rewards_coefficient is for --rlhf_type rm and means nothing"
                + " to --rlhf_type " + preference.rlhfType());
        if (preference.rlhfType().equals("rm")) {
            return;
        }
        List<String> types = preference.losses();
        boolean labels = preference.rlhfType().equals("kto");
        require(types.stream().allMatch(type -> OF_LABELS.contains(type) == labels), "--loss_type " + String.join(" ", types) + " does not go with --rlhf_type "
                + preference.rlhfType() + "; " + (labels ? "choose one of " + String.join(", ", OF_LABELS) : String.join(", ", OF_LABELS) + " are for --rlhf_type kto"));
        if (labels) {
            labelled(preference);
        } else {
            require(preference.desirableWeight() == 1 && preference.undesirableWeight() == 1 && preference.calculateKl().isEmpty(),
                    "--desirable_weight, --undesirable_weight and --calculate_kl are for --rlhf_type kto and mean nothing to --rlhf_type " + preference.rlhfType());
        }
        require(preference.labelSmoothing() == 0 || types.stream().anyMatch(SMOOTHED::contains), "--label_smoothing " + preference.labelSmoothing()
                + " means nothing to --loss_type " + String.join(" ", types) + "; it goes with " + String.join(", ", SMOOTHED));
        require(preference.fDivergenceType().equals("reverse_kl") || types.stream().anyMatch(OF_MARGINS::contains), "--f_divergence_type "
                + preference.fDivergenceType() + " means nothing to --loss_type " + String.join(" ", types) + "; it goes with " + String.join(", ", OF_MARGINS));
        require(types.stream().distinct().count() == types.size(), "--loss_type " + String.join(" ", types) + " names a loss twice");
    }

    private void rewards(Options options) {
        for (String name : OF_POLICIES) {
            require(!options.trainsRewards() || !options.given(name), "--" + name + " is for policies and means nothing to --rlhf_type rm, which trains a model of rewards");
        }
    }

    private void labelled(PreferenceOptions preference) {
        require(preference.losses().size() == 1, "--loss_type " + String.join(" ", preference.losses()) + " names several losses; --rlhf_type kto takes one");
        require(preference.rpoAlpha().orElse(0.0) == 0, "--rpo_alpha " + preference.rpoAlpha().orElse(0.0) + " is for pairs of answers and means nothing to --rlhf_type kto");
        require(!preference.referenceFree(), "--reference_free true means nothing to --rlhf_type kto, whose losses are measured from a reference");
    }

    private void reference(Options options) {
        PreferenceOptions preference = options.preference();
        require(!preference.referenceFree() || preference.refLoad().isEmpty(), "--reference_free true excludes --ref_load " + preference.refLoad().orElse(""));
        require(!options.training().calculatePerTokenLoss(), "--calculate_per_token_loss true is for losses of tokens; losses of pairs are means over pairs: leave it out");
    }

    /** What a complete command line still lacks. */
    static List<String> missing(Options options) {
        PreferenceChecks checks = new PreferenceChecks();
        boolean lora = options.tuner().trainType() == TunerOptions.TrainType.LORA;
        boolean continues = options.checkpoint().load().isPresent() && !options.checkpoint().finetune();
        PreferenceOptions preference = options.preference();
        checks.require(options.command() != Command.RLHF || options.trainsRewards() || !continues || lora || preference.referenceFree() || preference.refLoad().isPresent(),
                "--finetune false goes on with the weights of --load, which are no longer those that the run began with: --ref_load, the model that it began with, is missing");
        return List.copyOf(checks.problems);
    }
}
