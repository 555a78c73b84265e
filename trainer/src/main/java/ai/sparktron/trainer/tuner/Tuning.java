package ai.sparktron.trainer.tuner;

import ai.sparktron.trainer.config.ConfigurationException;
import ai.sparktron.trainer.config.TunerOptions;
import ai.sparktron.trainer.model.Adapters;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.LowRank;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.ModelPart;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.TensorSpec;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;

/**
 * Which parameters of a model are trained, and what is added to it.
 *
 * @param trained  names of the model's own parameters that are trained
 * @param adapters low-rank additions, all of them trained
 * @param peft     what a saved adapter says of itself; empty when the whole model is saved
 */
public record Tuning(Set<String> trained, Adapters adapters, Optional<PeftConfig> peft) {

    public Tuning {
        trained = Set.copyOf(trained);
    }

    /** Everything is trained, nothing added. */
    public static Tuning everything(List<ParameterSpec> model) {
        return new Tuning(model.stream().filter(ParameterSpec::trainable).map(ParameterSpec::name).collect(Collectors.toSet()), Adapters.none(), Optional.empty());
    }

    /**
     * By the options.
     *
     * @param model parameters of the whole model
     * @param seed  of dropout
     * @throws ConfigurationException when an option means nothing in this model
     */
    public static Tuning of(TunerOptions options, List<ParameterSpec> model, long seed) {
        return switch (options.trainType()) {
            case FULL -> new Tuning(Freezing.trained(options, model), Adapters.none(), Optional.empty());
            case LORA -> lora(options, model, seed);
        };
    }

    private static Tuning lora(TunerOptions options, List<ParameterSpec> model, long seed) {
        List<String> toSave = toSave(options, model);
        Set<String> whole = saved(toSave, model);
        if (options.loraBias().equals("all")) {
            model.stream().filter(Tuning::isBias).forEach(parameter -> whole.add(parameter.name()));
        }
        Modules modules = new Modules(model);
        Set<String> wholeTensors = new LinkedHashSet<>();
        model.stream().filter(parameter -> whole.contains(parameter.name())).forEach(parameter -> parameter.parts().forEach(part -> wholeTensors.add(part.name())));
        List<Modules.Module> targets = targets(options, modules).stream().filter(module -> !wholeTensors.contains(module.weight().name())).toList();
        PeftConfig plain = new PeftConfig(Optional.empty(), options.loraRank(), options.loraAlpha(), options.useRslora(), options.loraDropout(), options.loraBias(),
                List.of(), false, List.of(), savedAsPeft(toSave, model), Map.of(), Map.of());
        Map<String, LowRank> additions = new TreeMap<>();
        targets.forEach(module -> additions.put(module.weight().name(), plain.addition(module.theirs())));
        PeftConfig peft = withTargets(plain, modules, additions);
        return new Tuning(whole, new Adapters(additions, (float) options.loraDropout(), seed), Optional.of(peft));
    }

    private static PeftConfig withTargets(PeftConfig peft, Modules modules, Map<String, LowRank> additions) {
        List<Modules.Module> targets = modules.all().stream().filter(module -> additions.containsKey(module.weight().name())).toList();
        return peft.with(PeftTargets.of(modules, targets, module -> additions.get(module.weight().name()), peft.rank(), peft.alpha(), peft.rankStabilised()));
    }

    /** The modules named, and a head that gives one number: it is new to the model, so nothing would be learnt without it. */
    private static List<String> toSave(TunerOptions options, List<ParameterSpec> model) {
        List<String> words = new ArrayList<>(options.modulesToSave());
        String score = Modules.stem(DecoderSpecs.SCORE);
        boolean scores = model.stream().anyMatch(parameter -> parameter.parts().get(0).name().equals(DecoderSpecs.SCORE));
        if (scores && !words.contains(score)) {
            words.add(score);
        }
        return List.copyOf(words);
    }

    private static boolean isBias(ParameterSpec parameter) {
        return parameter.name().endsWith(".bias");
    }

    private static List<Modules.Module> targets(TunerOptions options, Modules modules) {
        List<Modules.Module> targets = new ArrayList<>();
        if (options.targetRegex().isPresent()) {
            String text = options.targetRegex().get();
            try {
                targets.addAll(modules.fitting(Pattern.compile(text)));
            } catch (PatternSyntaxException e) {
                throw new ConfigurationException("--target_regex " + text + " is no regular expression: " + e.getDescription());
            }
            require(!targets.isEmpty(), "--target_regex " + text + " fits the whole name of no module of this model, neither as in its files"
                    + " (model.layers.0.self_attn.q_proj) nor in Megatron's words (decoder.layers.0.self_attention.linear_qkv)");
        } else {
            for (String word : options.targetModules()) {
                List<Modules.Module> meant = modules.meant(word);
                require(!meant.isEmpty(), "--target_modules " + word + " is no module of this model; there are all-linear, all-embedding, all-router, "
                        + modules.listing());
                targets.addAll(meant);
            }
        }
        return List.copyOf(new LinkedHashSet<>(targets));
    }

    /** Parameters of the modules that are trained and saved whole. */
    private static Set<String> saved(List<String> words, List<ParameterSpec> model) {
        Set<String> saved = new LinkedHashSet<>();
        for (String word : words) {
            int before = saved.size();
            for (ParameterSpec parameter : model) {
                Optional<Boolean> means = Freezing.isMeant(parameter, name -> Modules.endsWith(Modules.stem(name), word));
                require(means.isPresent(), "--modules_to_save " + word + " is a part of " + parameter.name() + ", which is trained as one: name "
                        + parameter.parts().stream().map(part -> Modules.stem(part.name())).toList() + ", or leave it to target_modules");
                if (means.orElse(false)) {
                    saved.add(parameter.name());
                }
            }
            require(saved.size() > before, "--modules_to_save " + word + " is no module of this model, whose own are like word_embeddings, output_layer,"
                    + " final_layernorm, linear_qkv, or embed_tokens, lm_head, norm, q_proj; a model with tied embeddings has no head beside its embedding");
        }
        return saved;
    }

    /** The words as PEFT knows modules. A tied head is a module of its own there, and is saved beside the embedding that it is. */
    private static List<String> savedAsPeft(List<String> words, List<ParameterSpec> model) {
        Set<String> names = new LinkedHashSet<>();
        boolean tied = model.stream().noneMatch(parameter -> parameter.name().equals(DecoderSpecs.HEAD));
        for (String word : words) {
            for (ParameterSpec parameter : model) {
                if (Freezing.isMeant(parameter, name -> Modules.endsWith(Modules.stem(name), word)).orElse(false)) {
                    for (TensorSpec part : parameter.parts()) {
                        names.add(Modules.stem(part.name()).replaceFirst("^model\\.(?=embed_tokens$)", ""));
                        if (tied && part.name().equals("model.embed_tokens.weight")) {
                            names.add("lm_head");
                        }
                    }
                }
            }
        }
        return List.copyOf(names);
    }

    private static void require(boolean holds, String problem) {
        if (!holds) {
            throw new ConfigurationException(problem);
        }
    }

    /**
     * Goes on with an adapter.
     *
     * @param additions by the name of the tensor added to
     * @param whole     tensors of the model that the adapter holds whole
     * @param dropout   probability with which elements of an addition's input are left out
     */
    public static Tuning of(PeftConfig peft, Map<String, LowRank> additions, Set<String> whole, List<ParameterSpec> model, double dropout, long seed) {
        Set<String> trained = new LinkedHashSet<>();
        model.stream().filter(parameter -> parameter.parts().stream().anyMatch(part -> whole.contains(part.name()))).forEach(parameter -> trained.add(parameter.name()));
        PeftConfig said = model.stream().anyMatch(ParameterSpec::ofExperts) ? withTargets(peft, new Modules(model), additions) : peft;
        return new Tuning(trained, new Adapters(additions, (float) dropout, seed), Optional.of(said));
    }

    /** Whether something of the model is frozen that could be trained. @param model parameters of the whole model */
    public boolean freezes(List<ParameterSpec> model) {
        return model.stream().anyMatch(parameter -> parameter.trainable() && !trained.contains(parameter.name()));
    }

    /** Parameters of the model, or of a part of it, as they are trained, with those of the additions. */
    public List<ParameterSpec> applyTo(List<ParameterSpec> parameters) {
        return adapters.addTo(parameters.stream().map(parameter -> parameter.withTrainable(parameter.trainable() && trained.contains(parameter.name()))).toList());
    }

    /** Parameters of some parts of a model, as the other. A table that is the head alone has none of the additions to the embedding that it is elsewhere. */
    public List<ParameterSpec> applyTo(ModelConfig config, List<ModelPart> parts) {
        List<ParameterSpec> all = applyTo(DecoderSpecs.of(config, parts));
        boolean embeds = parts.stream().anyMatch(ModelPart::hasEmbedding);
        return all.stream().filter(parameter -> embeds || !Adapters.isOfTable(parameter)).toList();
    }

    /**
     * How much is trained: a line for all, then one for each group of parameters of the same name in different layers.
     *
     * @param model parameters of the whole model
     */
    public List<String> summary(List<ParameterSpec> model) {
        Map<String, long[]> groups = new LinkedHashMap<>();
        long all = 0;
        long trainable = 0;
        for (ParameterSpec parameter : applyTo(model)) {
            all += parameter.elements();
            if (parameter.trainable()) {
                trainable += parameter.elements();
                long[] group = groups.computeIfAbsent(parameter.name().replaceAll("\\.\\d+\\.", ".*."), name -> new long[2]);
                group[0]++;
                group[1] += parameter.elements();
            }
        }
        List<String> lines = new ArrayList<>();
        lines.add(String.format(Locale.ROOT, "%,d of %,d parameters are trained (%.2f %%)", trainable, all, 100.0 * trainable / all));
        groups.forEach((name, group) -> lines.add(String.format(Locale.ROOT, "  %-70s %,15d in %,d", name, group[1], group[0])));
        return lines;
    }
}
