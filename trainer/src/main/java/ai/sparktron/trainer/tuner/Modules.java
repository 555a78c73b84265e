package ai.sparktron.trainer.tuner;

import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.TensorSpec;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * The modules of a model that may have low-rank additions, one for each matrix of the files, under both of their names: those of Hugging Face
 * ({@code model.layers.0.self_attn.q_proj}) and Megatron's, which several may share ({@code decoder.layers.0.self_attention.linear_qkv}).
 */
final class Modules {

    private static final String WEIGHT = ".weight";
    private static final String ROUTER = ".router.weight";
    private static final String SHARED_GATE = ".shared_experts.gate_weight";

    private final List<Module> all = new ArrayList<>();

    /** What a module is. */
    enum Kind { LINEAR, EMBEDDING, HEAD, ROUTER, SHARED_GATE }

    /**
     * One module.
     *
     * @param ours   Megatron's name
     * @param theirs Hugging Face's name
     * @param weight its matrix
     */
    record Module(String ours, String theirs, Kind kind, TensorSpec weight) {

        /** Whether a word is its name, or the end of its name from a point on, in either language. */
        boolean isNamed(String word) {
            return endsWith(ours, word) || endsWith(theirs, word);
        }

        private boolean fits(Pattern pattern) {
            return pattern.matcher(ours).matches() || pattern.matcher(theirs).matches();
        }

        String leaf() {
            return theirs.substring(theirs.lastIndexOf('.') + 1);
        }
    }

    /** @param parameters of the whole model */
    Modules(List<ParameterSpec> parameters) {
        for (ParameterSpec parameter : parameters) {
            for (TensorSpec part : parameter.parts()) {
                boolean gate = parameter.name().endsWith(SHARED_GATE);
                if (part.dims().size() == 2 && part.name().endsWith(WEIGHT) && (gate || parameter.name().endsWith(WEIGHT))) {
                    all.add(new Module(gate ? parameter.name() : stem(parameter.name()), stem(part.name()), kind(parameter.name()), part));
                }
            }
        }
    }

    static boolean endsWith(String name, String word) {
        return name.equals(word) || name.endsWith("." + word);
    }

    /** A parameter's or tensor's name without what it is of its module. */
    static String stem(String name) {
        return name.substring(0, name.lastIndexOf('.'));
    }

    private static Kind kind(String parameter) {
        return switch (parameter) {
            case DecoderSpecs.EMBEDDING -> Kind.EMBEDDING;
            case DecoderSpecs.HEAD -> Kind.HEAD;
            default -> parameter.endsWith(ROUTER) ? Kind.ROUTER : parameter.endsWith(SHARED_GATE) ? Kind.SHARED_GATE : Kind.LINEAR;
        };
    }

    /** Modules that a word of {@code target_modules} means. */
    List<Module> meant(String word) {
        Predicate<Module> meant = switch (word) {
            case "all-linear" -> module -> module.kind() == Kind.LINEAR;
            case "all-embedding" -> module -> module.kind() == Kind.EMBEDDING;
            case "all-router" -> module -> module.kind() == Kind.ROUTER;
            default -> module -> module.isNamed(word);
        };
        return all.stream().filter(meant).toList();
    }

    /** All modules. */
    List<Module> all() {
        return Collections.unmodifiableList(all);
    }

    /** Modules whose whole name, in either language, fits. */
    List<Module> fitting(Pattern pattern) {
        return all.stream().filter(module -> module.fits(pattern)).toList();
    }

    /** The shortest words that mean these modules and no others: endings of names where all modules with that ending are meant, whole names otherwise. */
    List<String> words(List<Module> modules) {
        TreeSet<String> words = new TreeSet<>();
        for (Module module : modules) {
            boolean together = all.stream().filter(other -> endsWith(other.theirs(), module.leaf())).allMatch(modules::contains);
            words.add(together ? module.leaf() : module.theirs());
        }
        return List.copyOf(words);
    }

    /** Endings of all names, for messages. */
    String listing() {
        TreeSet<String> names = new TreeSet<>();
        all.forEach(module -> {
            names.add(module.leaf());
            names.add(module.ours().substring(module.ours().lastIndexOf('.') + 1));
        });
        return String.join(", ", names);
    }
}
