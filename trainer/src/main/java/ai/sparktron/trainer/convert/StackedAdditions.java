package ai.sparktron.trainer.convert;

import ai.sparktron.trainer.model.ExpertNames;
import ai.sparktron.trainer.model.ExpertNames.Projection;
import ai.sparktron.trainer.model.LowRank;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.tensor.SafetensorsFolder;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tuner.PeftConfig;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Additions to experts as PEFT saves them from transformers 5, where all experts of a layer are one parameter with gate and up projection one below the other. With
 * rank r, A is [E r, in], experts below each other, and B [out, r E], the experts' columns in turn. Gate and up have the A in common; each is taken here as an
 * addition of its own, with a copy of A. The addition to the down projection has the experts' name, and that to gate and up the word {@code base_layer} after it,
 * or the other's name where it is alone.
 */
final class StackedAdditions {

    private static final String EXPERTS = ".experts.";
    private static final String A = "lora_A.weight";
    private static final String B = "lora_B.weight";
    private static final String INNER = "base_layer.";

    private final SafetensorsFolder tensors;
    private final PeftConfig config;
    /** Names in the file, by what they are without PEFT's prefix. */
    private final Map<String, String> inFile = new HashMap<>();
    private String held = "";
    private float[] heldValues;

    StackedAdditions(SafetensorsFolder tensors, PeftConfig config) {
        this.tensors = tensors;
        this.config = config;
    }

    /** Takes a tensor that is one of these. @param bare its name without PEFT's prefix */
    boolean take(String bare, String name) {
        int at = bare.indexOf(EXPERTS);
        String rest = at < 0 ? "" : bare.substring(at + EXPERTS.length());
        String end = rest.startsWith(INNER) ? rest.substring(INNER.length()) : rest;
        boolean taken = end.equals(A) || end.equals(B);
        if (taken) {
            inFile.put(bare, name);
        }
        return taken;
    }

    /**
     * Adds those of a model's experts.
     *
     * @param problems takes what does not fit
     */
    void additions(List<ParameterSpec> model, Map<String, LowRank> additions, List<String> problems) {
        List<String> used = new ArrayList<>();
        for (ParameterSpec parameter : model) {
            for (TensorSpec part : parameter.parts()) {
                String stem = part.ofExpert() && !inFile.isEmpty() ? stem(part) : null;
                if (stem != null) {
                    used.add(stem + A);
                    used.add(stem + B);
                    int rank = (int) (shape(stem + A).size(0) / part.expert().of());
                    String both = ExpertNames.inTransformers(part.name()).split(EXPERTS)[0] + EXPERTS
                            + (projection(part.name()) == Projection.DOWN ? "down_proj" : "gate_up_proj");
                    additions.put(part.name(), config.addition(both, rank));
                }
            }
        }
        inFile.keySet().stream().filter(name -> !used.contains(name)).sorted()
                .forEach(name -> problems.add(inFile.get(name) + " " + shape(name) + " with its other matrix is no addition to experts of the model"));
    }

    /** Whether a tensor is A or B of an expert that it has. */
    boolean has(TensorSpec addition) {
        return addition.ofExpert() && addition.name().contains(".lora_") && !inFile.isEmpty() && stem(addition) != null;
    }

    /** All of one expert's A or B. */
    float[] read(TensorSpec addition) throws IOException {
        boolean first = addition.name().endsWith(A);
        String name = stem(addition) + (first ? A : B);
        int experts = addition.expert().of();
        int expert = addition.expert().index();
        if (first) {
            int count = Math.toIntExact(addition.elements());
            return tensors.readFloats(inFile.get(name), (long) expert * count, count);
        }
        if (!held.equals(name)) {
            heldValues = tensors.readFloats(inFile.get(name), 0, Math.toIntExact(shape(name).elements()));
            held = name;
        }
        int rank = (int) addition.columns();
        int rows = (int) addition.rows();
        int above = projection(addition.name()) == Projection.UP ? rows : 0;
        float[] own = new float[rows * rank];
        for (int row = 0; row < rows; row++) {
            for (int r = 0; r < rank; r++) {
                own[row * rank + r] = heldValues[((above + row) * rank + r) * experts + expert];
            }
        }
        return own;
    }

    /** What the names of A and B begin with to which a tensor belongs, an expert's matrix or its addition; null = there are none. */
    private String stem(TensorSpec tensor) {
        String experts = tensor.name().substring(0, tensor.name().indexOf(EXPERTS) + EXPERTS.length());
        boolean down = projection(tensor.name()) == Projection.DOWN;
        for (String module : List.of(experts, ExpertNames.inTransformers(experts))) {
            boolean two = inFile.containsKey(module + INNER + A) && inFile.containsKey(module + INNER + B);
            boolean one = inFile.containsKey(module + A) && inFile.containsKey(module + B);
            if (two && !down) {
                return module + INNER;
            }
            if (one && down == isDown(module)) {
                return module;
            }
        }
        return null;
    }

    /** Whether the outer of two additions, or the only one, is to the down projection. */
    private boolean isDown(String module) {
        return inFile.containsKey(module + INNER + A) || config.targetParameters().stream().anyMatch(word -> ("." + module + "down_proj").endsWith("." + word));
    }

    private static Projection projection(String name) {
        String rest = name.substring(name.indexOf(EXPERTS) + EXPERTS.length());
        return ExpertNames.projection(rest.split("\\.")[1]);
    }

    private Shape shape(String name) {
        return tensors.entry(inFile.get(name)).shape();
    }
}
