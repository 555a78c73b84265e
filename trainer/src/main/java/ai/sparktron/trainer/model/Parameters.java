package ai.sparktron.trainer.model;

import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The parameters a rank holds, in one flat value buffer and one flat gradient buffer allocated once. Order in the buffers: trained and decayed,
 * trained and not decayed, frozen; so that the optimizer works on two ranges, and the frozen need no gradient.
 *
 * <p>Buffers ({@link ParameterSpec#buffer()}) lie apart, in float32.
 *
 * <p>Each parameter starts at a multiple of {@value #ALIGNMENT} elements; the gaps are never written by layers, and {@code Initialiser} or the owner sets the
 * buffers to zero first.
 */
public final class Parameters {

    /** Elements; 256 bytes of bfloat16, which every engine's products and vectors are content with. */
    public static final int ALIGNMENT = 128;

    private final Map<String, Parameter> byName;
    private final List<Parameter> all;
    private final Tensor value;
    private final Tensor gradient;
    private final Tensor buffers;
    private final long decayed;
    private final long trained;

    private Parameters(List<ParameterSpec> specs, Slicing slicing, Offsets offsets, Tensor value, Tensor gradient, Tensor buffers) {
        this.byName = new LinkedHashMap<>();
        this.value = value;
        this.gradient = gradient;
        this.buffers = buffers;
        this.decayed = offsets.decayed;
        this.trained = offsets.trained;
        for (ParameterSpec spec : specs) {
            List<TensorSlice> slices = spec.parts().stream().map(slicing::slice).toList();
            long offset = offsets.of.get(spec.name());
            Shape shape = stacked(slices);
            Tensor values = view(spec.name(), spec.buffer() ? buffers : value, offset, shape);
            Tensor gradients = spec.trainable() && gradient != null ? view(spec.name() + ".grad", gradient, offset, shape) : null;
            byName.put(spec.name(), new Parameter(spec, slices, values, gradients, offset, new GradientMark()));
        }
        this.all = List.copyOf(byName.values());
    }

    /**
     * Allocates the buffers.
     *
     * @param all       the parameters of this rank's layers, in the order of the model
     * @param slicing   the part of each that this rank holds
     * @param run       frame of the run arena
     * @param valueType type of values: that of the activations
     * @param use       whether gradients are wanted
     * @param shards    the trained elements are padded to a multiple of this many aligned parts, for sharding over data-parallel ranks
     */
    public static Parameters allocate(List<ParameterSpec> all, Slicing slicing, Arena.Frame run, DType valueType, Use use, int shards) {
        return allocate(all, slicing, run, valueType, gradientType(valueType), use, shards);
    }

    /** As the other, with gradients of a type of their own: float32, or that of the values. */
    public static Parameters allocate(List<ParameterSpec> all, Slicing slicing, Arena.Frame run, DType valueType, DType gradientType, Use use, int shards) {
        List<ParameterSpec> specs = held(all, slicing);
        Offsets offsets = Offsets.of(specs, slicing, (long) ALIGNMENT * shards);
        Tensor value = run.tensor("parameters", valueType, Math.max(1, offsets.all));
        Tensor gradient = use == Use.TRAIN && offsets.trained > 0 ? run.tensor("gradients", gradientType, offsets.trained) : null;
        Tensor buffers = offsets.buffers == 0 ? null : run.tensor("buffers", DType.F32, offsets.buffers);
        return new Parameters(specs, slicing, offsets, value, gradient, buffers);
    }

    /** The parts of each parameter that this rank holds anything of. */
    private static List<ParameterSpec> held(List<ParameterSpec> all, Slicing slicing) {
        return all.stream().map(spec -> spec.withParts(spec.parts().stream().filter(slicing::holds).toList())).toList();
    }

    private Parameters(Map<String, Parameter> byName, Tensor value, long decayed, long trained) {
        this.byName = byName;
        this.all = List.copyOf(byName.values());
        this.value = value;
        this.gradient = null;
        this.buffers = null;
        this.decayed = decayed;
        this.trained = trained;
    }

    /** Elements that parameters take in a flat buffer, padded for so many shards. */
    public static long elements(List<ParameterSpec> specs, Slicing slicing, int shards) {
        return Offsets.of(held(specs, slicing), slicing, (long) ALIGNMENT * shards).all;
    }

    /** As {@link #allocate} without {@link ParameterSpec#buffer() buffers}, in memory of {@link #elements} elements that others may use at other times. */
    public static Parameters over(List<ParameterSpec> specs, Slicing slicing, Tensor value, Tensor gradient, int shards) {
        List<ParameterSpec> held = held(specs, slicing);
        return new Parameters(held, slicing, Offsets.of(held, slicing, (long) ALIGNMENT * shards), value, gradient, null);
    }

    /** Several as one, in their order, to look parameters up by name. It has no flat buffers of its own: {@link #value()} is the first one's. */
    public static Parameters joined(List<Parameters> several) {
        Map<String, Parameter> all = new LinkedHashMap<>();
        several.forEach(one -> all.putAll(one.byName));
        return new Parameters(all, several.get(0).value, several.stream().mapToLong(one -> one.decayed).sum(), several.stream().mapToLong(one -> one.trained).sum());
    }

    /** Float32 whatever the values; float64 only where everything is, in checks of gradients. */
    private static DType gradientType(DType valueType) {
        return valueType == DType.F64 ? DType.F64 : DType.F32;
    }

    /** What parameters are held for. */
    public enum Use {
        /** Values and gradients. */
        TRAIN,
        /** Values only. */
        INFER
    }

    /** The parameter of this name. @throws IllegalStateException when there is none */
    public Parameter get(String name) {
        Parameter parameter = byName.get(name);
        if (parameter == null) {
            throw new IllegalStateException("no parameter " + name + " here; there are " + byName.size() + ": " + byName.keySet());
        }
        return parameter;
    }

    public boolean has(String name) {
        return byName.containsKey(name);
    }

    /** All, in the order of the model. */
    public List<Parameter> all() {
        return all;
    }

    /** Flat values [n] of all parameters, trained ones first. */
    public Tensor value() {
        return value;
    }

    /** Flat float32 values of what no gradient changes; null when there is none. */
    public Tensor buffers() {
        return buffers;
    }

    /** Flat gradients [{@link #trainedElements()}], float32 but where another type was asked for; null when nothing is trained. */
    public Tensor gradient() {
        return gradient;
    }

    /** Elements 0 to this are trained and decayed. */
    public long decayedElements() {
        return decayed;
    }

    /** Elements {@link #decayedElements()} to this are trained and not decayed; a multiple of the shards. */
    public long trainedElements() {
        return trained;
    }

    private static Tensor view(String name, Tensor flat, long offset, Shape shape) {
        return Tensor.of(name, flat.dtype(), shape, flat.storage(), flat.address() - flat.storage().address() + offset * flat.dtype().sizeBytes());
    }

    private static Shape stacked(List<TensorSlice> slices) {
        boolean vector = slices.get(0).tensor().dims().size() == 1;
        if (vector) {
            return Shape.of(slices.stream().mapToLong(TensorSlice::columns).sum());
        }
        return Shape.of(slices.stream().mapToLong(TensorSlice::rows).sum(), slices.get(0).columns());
    }

    /** Places in the flat buffers. */
    private static final class Offsets {
        private final Map<String, Long> of = new LinkedHashMap<>();
        private long decayed;
        private long trained;
        private long all;
        private long buffers;

        static Offsets of(List<ParameterSpec> specs, Slicing slicing, long shardMultiple) {
            Offsets offsets = new Offsets();
            long next = offsets.place(specs.stream().filter(spec -> spec.trainable() && spec.decay()).toList(), slicing, 0);
            offsets.decayed = next;
            next = offsets.place(specs.stream().filter(spec -> spec.trainable() && !spec.decay()).toList(), slicing, next);
            offsets.trained = roundUp(next, shardMultiple);
            offsets.all = offsets.place(specs.stream().filter(spec -> !spec.trainable() && !spec.buffer()).toList(), slicing, offsets.trained);
            offsets.buffers = offsets.place(specs.stream().filter(ParameterSpec::buffer).toList(), slicing, 0);
            return offsets;
        }

        private long place(List<ParameterSpec> specs, Slicing slicing, long from) {
            long next = from;
            for (ParameterSpec spec : specs) {
                if (of.put(spec.name(), next) != null) {
                    throw new IllegalStateException("two parameters are named " + spec.name());
                }
                long elements = spec.parts().stream().mapToLong(part -> slicing.slice(part).elements()).sum();
                next = roundUp(next + elements, ALIGNMENT);
            }
            return next;
        }

        private static long roundUp(long value, long multiple) {
            return (value + multiple - 1) / multiple * multiple;
        }
    }
}
