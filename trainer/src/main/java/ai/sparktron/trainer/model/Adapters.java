package ai.sparktron.trainer.model;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * The low-rank additions of a model: which of its tensors have one. Each tensor of the files has its own, also where several are stacked into one parameter, so
 * that a saved adapter is what PEFT reads.
 *
 * <p>An addition is two parameters beside the weight {@code X.weight} it belongs to: {@code X.lora_A.weight}, the A of all its parts stacked by rows, and one
 * {@code X.lora_B.<part>.weight} for each part; of experts, for the parts of that name of all of them. Their tensors have PEFT's names without its prefix.
 *
 * @param byTensor by the Hugging Face name of the tensor added to
 * @param dropout  probability with which elements of an addition's input are left out in training
 * @param seed     of what is left out
 */
public record Adapters(Map<String, LowRank> byTensor, float dropout, long seed) {

    private static final Adapters NONE = new Adapters(Map.of(), 0, 0);
    private static final String WEIGHT = ".weight";
    private static final String TABLE = ".lora_embedding_";

    public Adapters {
        byTensor = Collections.unmodifiableMap(new TreeMap<>(byTensor));
        if (!(dropout >= 0 && dropout < 1)) {
            throw new IllegalArgumentException("dropout " + dropout + ": expected at least 0 and less than 1");
        }
    }

    /** No additions. */
    public static Adapters none() {
        return NONE;
    }

    public boolean isEmpty() {
        return byTensor.isEmpty();
    }

    /** The addition to a tensor; null when it has none. */
    public LowRank of(TensorSpec tensor) {
        return byTensor.get(tensor.name());
    }

    /** Whether some part of a parameter has an addition. */
    public boolean touch(ParameterSpec weight) {
        return weight.parts().stream().anyMatch(part -> of(part) != null);
    }

    /** The parameters with those of the additions, each behind the weight it belongs to. */
    public List<ParameterSpec> addTo(List<ParameterSpec> parameters) {
        List<ParameterSpec> all = new ArrayList<>();
        for (ParameterSpec parameter : parameters) {
            all.add(parameter);
            if (touch(parameter)) {
                all.addAll(additions(parameter));
            }
        }
        return List.copyOf(all);
    }

    private List<ParameterSpec> additions(ParameterSpec weight) {
        requireAllExperts(weight);
        List<TensorSpec> first = new ArrayList<>();
        Map<String, List<TensorSpec>> second = new LinkedHashMap<>();
        for (TensorSpec part : weight.parts()) {
            if (of(part) != null) {
                first.add(a(part));
                second.computeIfAbsent(bName(weight, part), name -> new ArrayList<>()).add(b(part));
            }
        }
        List<ParameterSpec> made = new ArrayList<>();
        made.add(ParameterSpec.of(aName(weight), first.toArray(TensorSpec[]::new)));
        second.forEach((name, parts) -> made.add(ParameterSpec.of(name, parts.toArray(TensorSpec[]::new))));
        return made;
    }

    /** One product serves the same part of all experts, so their additions are alike. */
    private void requireAllExperts(ParameterSpec weight) {
        if (!weight.ofExperts()) {
            return;
        }
        Map<String, TensorSpec> firsts = new LinkedHashMap<>();
        for (TensorSpec part : weight.parts()) {
            TensorSpec like = firsts.computeIfAbsent(bName(weight, part), name -> part);
            if (!Objects.equals(of(part), of(like))) {
                throw new IllegalArgumentException("low-rank addition " + of(part) + " to " + part.name() + " and " + of(like) + " to " + like.name() + ": expected the"
                        + " same for all experts of a layer, since one product serves them all; name their projections (target_modules) without numbers of experts");
            }
        }
    }

    /** Name of the parameter that holds the A of all parts of a weight. */
    public static String aName(ParameterSpec weight) {
        return stem(weight.name()) + (isTable(weight.parts().get(0)) ? TABLE + "A" : ".lora_A.weight");
    }

    /** Name of the parameter that holds the B of one part of a weight, or of that part of all experts. */
    public static String bName(ParameterSpec weight, TensorSpec part) {
        String module = stem(part.name());
        String leaf = module.substring(module.lastIndexOf('.') + 1);
        return stem(weight.name()) + (isTable(part) ? TABLE + "B" : ".lora_B." + leaf + WEIGHT);
    }

    /**
     * A of the addition to a tensor. That of an embedding is held as it is looked up, [V, r]; PEFT's files have it the other way round.
     *
     * @throws IllegalStateException when the tensor has no addition
     */
    public TensorSpec a(TensorSpec part) {
        Dim rank = rank(part);
        if (isTable(part)) {
            return new TensorSpec(stem(part.name()) + TABLE + "A", List.of(part.dims().get(0), rank), Initialisation.constant(0));
        }
        Dim inputs = part.dims().get(1);
        // Kaiming-uniform with a = sqrt(5), as PEFT and torch.nn.Linear start.
        return new TensorSpec(stem(part.name()) + ".lora_A.weight", List.of(rank, inputs), Initialisation.uniform(1 / Math.sqrt(inputs.size())),
                part.expert());
    }

    /** B of the addition to a tensor. @throws IllegalStateException when the tensor has no addition */
    public TensorSpec b(TensorSpec part) {
        Dim rank = rank(part);
        if (isTable(part)) {
            return new TensorSpec(stem(part.name()) + TABLE + "B", List.of(part.dims().get(1), rank), Initialisation.normal(1));
        }
        return new TensorSpec(stem(part.name()) + ".lora_B.weight", List.of(part.dims().get(0), rank), Initialisation.constant(0), part.expert());
    }

    /** Of a weight that ranks share each sees a part; of another each sees all. */
    private Dim rank(TensorSpec part) {
        LowRank addition = of(part);
        if (addition == null || part.dims().size() != 2) {
            throw new IllegalStateException("tensor " + part.name() + " " + part.shape() + " has no low-rank addition");
        }
        boolean cut = part.dims().stream().anyMatch(dim -> dim.kind().mayBeCut() || dim.kind() == Dim.Kind.EXPERT_FFN);
        return Dim.of(cut ? Dim.Kind.LOW_RANK : Dim.Kind.EMBED, addition.rank());
    }

    /** Whether rows are looked up by token. */
    public static boolean isTable(TensorSpec tensor) {
        return tensor.name().endsWith("embed_tokens" + WEIGHT);
    }

    /** Whether a parameter is of the addition to an embedding. */
    public static boolean isOfTable(ParameterSpec parameter) {
        return parameter.name().contains(TABLE);
    }

    private static String stem(String name) {
        return name.endsWith(WEIGHT) ? name.substring(0, name.length() - WEIGHT.length()) : name;
    }
}
