package ai.sparktron.trainer.tuner;

import ai.sparktron.trainer.config.ConfigurationException;
import ai.sparktron.trainer.model.ExpertNames;
import ai.sparktron.trainer.model.ExpertNames.Projection;
import ai.sparktron.trainer.model.LowRank;
import ai.sparktron.trainer.tuner.Modules.Module;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * What an adapter says it adds to. In models with experts it speaks of the modules of transformers 5, where all experts of a layer are two parameters, gate and up
 * projection one below the other, and the router is a module of its own: PEFT adds to them by {@code target_parameters}, and stacks the tensors of each expert, as
 * the file has them, when it loads. So the addition to gate and up has twice the rank of each. PEFT takes {@code gate_proj} and its likes among
 * {@code target_modules} for those of experts alone, so all modules of such names are given as parameters.
 *
 * @param modules    {@code target_modules}
 * @param parameters {@code target_parameters}
 * @param ranks      {@code rank_pattern} of parameters that differ from the adapter's rank
 * @param alphas     {@code alpha_pattern}, likewise
 */
record PeftTargets(List<String> modules, List<String> parameters, Map<String, Integer> ranks, Map<String, Double> alphas) {

    private static final Set<String> TAKEN_FOR_EXPERTS = Set.of("gate", "gate_proj", "up_proj", "down_proj", "w1", "w2", "w3");
    private static final String BOTH = "gate_up_proj";

    /**
     * Of a model's modules with additions.
     *
     * @param additions of each of the targets
     * @param rank      of the adapter as a whole, to which its file makes exceptions
     * @throws ConfigurationException when an expert's gate projection has an addition and its up projection has none, or the other way round
     */
    static PeftTargets of(Modules model, List<Module> targets, Function<Module, LowRank> additions, int rank, double alpha, boolean rankStabilised) {
        if (model.all().stream().noneMatch(module -> module.weight().ofExpert())) {
            return new PeftTargets(model.words(targets), List.of(), Map.of(), Map.of());
        }
        requireWhole(targets);
        List<Module> asModules = targets.stream().filter(module -> !isParameter(module)).toList();
        Map<String, List<String>> byEnding = model.all().stream().filter(PeftTargets::isParameter).map(PeftTargets::parameter).distinct()
                .collect(Collectors.groupingBy(PeftTargets::ending));
        Map<String, LowRank> chosen = new LinkedHashMap<>();
        for (Module target : targets) {
            if (isParameter(target)) {
                LowRank own = additions.apply(target);
                String name = parameter(target);
                chosen.put(name, name.endsWith(BOTH) ? new LowRank(2 * own.rank(), own.scale()) : own);
            }
        }
        Map<String, LowRank> words = new TreeMap<>();
        chosen.forEach((name, addition) -> {
            List<String> alike = byEnding.get(ending(name));
            boolean together = alike.stream().allMatch(other -> addition.equals(chosen.get(other)));
            words.put(together ? ending(name) : name, addition);
        });
        Map<String, Integer> ranks = new TreeMap<>();
        Map<String, Double> alphas = new TreeMap<>();
        words.forEach((word, addition) -> {
            double own = addition.scale() * (rankStabilised ? Math.sqrt(addition.rank()) : addition.rank());
            if (addition.rank() != rank || Math.abs(own - alpha) > 1e-9 * Math.abs(alpha)) {
                ranks.put(word, addition.rank());
                alphas.put(word, own);
            }
        });
        return new PeftTargets(model.words(asModules), List.copyOf(words.keySet()), ranks, alphas);
    }

    private static boolean isParameter(Module module) {
        return module.weight().ofExpert() || TAKEN_FOR_EXPERTS.contains(module.leaf());
    }

    /** Name of the parameter in transformers 5 that a module's matrix is, or is a part of. */
    private static String parameter(Module module) {
        String name = ExpertNames.inTransformers(module.theirs());
        if (!module.weight().ofExpert()) {
            return name + ".weight";
        }
        String experts = name.substring(0, name.indexOf(".experts.") + ".experts.".length());
        return experts + (ExpertNames.projection(module.leaf()) == Projection.DOWN ? "down_proj" : BOTH);
    }

    /** The last three words of a name. */
    private static String ending(String name) {
        String[] words = name.split("\\.");
        return String.join(".", List.of(words).subList(words.length - 3, words.length));
    }

    private static void requireWhole(List<Module> targets) {
        Map<String, List<Projection>> halves = new HashMap<>();
        for (Module target : targets) {
            if (target.weight().ofExpert() && !parameter(target).endsWith("down_proj")) {
                String expert = target.theirs().substring(0, target.theirs().lastIndexOf('.'));
                halves.computeIfAbsent(expert, name -> new ArrayList<>()).add(ExpertNames.projection(target.leaf()));
            }
        }
        halves.forEach((expert, half) -> {
            if (half.size() != 2) {
                throw new ConfigurationException("--target_modules names the " + half.get(0).name().toLowerCase(Locale.ROOT) + " projection of " + expert
                        + " without the other: in transformers gate and up projection of experts are one parameter, and PEFT could not load the adapter; name both");
            }
        });
    }
}
