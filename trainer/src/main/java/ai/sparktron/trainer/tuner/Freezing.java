package ai.sparktron.trainer.tuner;

import ai.sparktron.trainer.config.ConfigurationException;
import ai.sparktron.trainer.config.TunerOptions;
import ai.sparktron.trainer.model.ParameterSpec;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * {@code freeze_parameters} and its relatives: what is frozen by share, by the beginning of names and by pattern, and what of it is trained after all. Names are
 * Megatron's or those of the Hugging Face tensors; a parameter that stacks several tensors is frozen as one.
 */
final class Freezing {

    private final List<ParameterSpec> model;
    private final List<String> problems = new ArrayList<>();

    private Freezing(List<ParameterSpec> model) {
        this.model = model;
    }

    /** Names of the parameters that are trained. @throws ConfigurationException with all names that mean nothing, or part of a parameter */
    static Set<String> trained(TunerOptions options, List<ParameterSpec> model) {
        Freezing freezing = new Freezing(model);
        Set<String> trained = freezing.aboveShare(options.freezeParametersRatio());
        options.freezeParameters().forEach(prefix -> trained.removeAll(freezing.beginning("freeze_parameters", prefix)));
        options.freezeParametersRegex().ifPresent(pattern -> trained.removeAll(freezing.fitting("freeze_parameters_regex", pattern)));
        options.trainableParameters().forEach(prefix -> trained.addAll(freezing.beginning("trainable_parameters", prefix)));
        options.trainableParametersRegex().ifPresent(pattern -> trained.addAll(freezing.fitting("trainable_parameters_regex", pattern)));
        model.stream().filter(parameter -> !parameter.trainable()).forEach(parameter -> trained.remove(parameter.name()));
        if (trained.isEmpty()) {
            freezing.problems.add("freeze_parameters, freeze_parameters_regex and freeze_parameters_ratio leave no parameter to train; freeze less, or name some with"
                    + " --trainable_parameters");
        }
        if (!freezing.problems.isEmpty()) {
            throw new ConfigurationException(freezing.problems);
        }
        return trained;
    }

    /** All but the first parameters, as many as together have no more than the share of all elements. */
    private Set<String> aboveShare(double share) {
        long frozen = (long) (model.stream().mapToLong(ParameterSpec::elements).sum() * share);
        Set<String> trained = new LinkedHashSet<>();
        long below = 0;
        for (ParameterSpec parameter : model) {
            below += parameter.elements();
            if (below > frozen && parameter.trainable()) {
                trained.add(parameter.name());
            }
        }
        return trained;
    }

    private List<String> beginning(String option, String prefix) {
        return meant(option, prefix, name -> name.startsWith(prefix));
    }

    private List<String> fitting(String option, String text) {
        try {
            Pattern pattern = Pattern.compile(text);
            return meant(option, text, name -> pattern.matcher(name).find());
        } catch (PatternSyntaxException e) {
            problems.add("--" + option + " " + text + " is no regular expression: " + e.getDescription());
            return List.of();
        }
    }

    private List<String> meant(String option, String text, Predicate<String> test) {
        List<String> meant = new ArrayList<>();
        for (ParameterSpec parameter : model) {
            Optional<Boolean> means = isMeant(parameter, test);
            if (means.isEmpty()) {
                problems.add("--" + option + " " + text + " means a part of " + parameter.name() + ", which stacks "
                        + parameter.parts().stream().map(part -> part.name()).toList() + " and is trained or frozen as one: name all of them, or none");
            } else if (means.get()) {
                meant.add(parameter.name());
            }
        }
        if (meant.isEmpty() && problems.isEmpty()) {
            problems.add("--" + option + " " + text + " means no parameter of this model; names are like " + model.get(0).name() + " and "
                    + model.get(model.size() / 2).name() + ", or as in its files " + model.get(model.size() / 2).parts().get(0).name());
        }
        return meant;
    }

    /** Empty when a test holds for some of a parameter's tensors and not for others. */
    static Optional<Boolean> isMeant(ParameterSpec parameter, Predicate<String> test) {
        if (test.test(parameter.name())) {
            return Optional.of(true);
        }
        long parts = parameter.parts().stream().filter(part -> test.test(part.name())).count();
        return parts == 0 || parts == parameter.parts().size() ? Optional.of(parts > 0) : Optional.empty();
    }
}
