package ai.sparktron.trainer.model;

import java.util.List;
import java.util.Objects;

/**
 * One parameter of the training model: one tensor of the files, or several stacked by rows so that one product serves all (query, key and value; gate and
 * up). Each part is cut, initialised, saved and loaded on its own.
 *
 * @param name      Megatron's name, which freezing and LoRA options speak of
 * @param parts     stacked by rows (vectors: end to end), top to bottom; all of as many columns
 * @param decay     whether weight decay applies: matrices yes, vectors no
 * @param trainable false = frozen: no gradient, no optimizer state
 * @param buffer    whether it is float32 whatever the others are, and changed by a rule of its own instead of a gradient; never trainable
 */
public record ParameterSpec(String name, List<TensorSpec> parts, boolean decay, boolean trainable, boolean buffer) {
    public ParameterSpec {
        Objects.requireNonNull(name, "name");
        parts = List.copyOf(parts);
        if (parts.isEmpty()) {
            throw new IllegalArgumentException("parameter " + name + " has no part");
        }
        for (TensorSpec part : parts) {
            boolean sameForm = part.dims().size() == parts.get(0).dims().size();
            if (!sameForm || part.dims().size() == 2 && part.columns() != parts.get(0).columns()) {
                throw new IllegalArgumentException("parameter " + name + ": part " + part.name() + " " + part.shape() + " cannot be stacked on "
                        + parts.get(0).shape());
            }
        }
    }

    /** A trainable parameter; decayed if it is a matrix. */
    public static ParameterSpec of(String name, TensorSpec... parts) {
        return new ParameterSpec(name, List.of(parts), parts[0].dims().size() == 2, true, false);
    }

    /** A parameter that no gradient changes. */
    public static ParameterSpec buffer(String name, TensorSpec part) {
        return new ParameterSpec(name, List.of(part), false, false, true);
    }

    /** Frozen or not; a buffer stays what it is. */
    public ParameterSpec withTrainable(boolean value) {
        return new ParameterSpec(name, parts, decay, value && !buffer, buffer);
    }

    /** Some of the parts. */
    public ParameterSpec withParts(List<TensorSpec> some) {
        return new ParameterSpec(name, some, decay, trainable, buffer);
    }

    /** Whether it belongs to experts. */
    public boolean ofExperts() {
        return parts.get(0).ofExpert();
    }

    /** Elements of the whole, global parameter. */
    public long elements() {
        return parts.stream().mapToLong(TensorSpec::elements).sum();
    }
}
