package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.comm.BackgroundCollectives;
import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.comm.Transfer;
import ai.sparktron.trainer.comm.World;
import ai.sparktron.trainer.mesh.Axis;
import ai.sparktron.trainer.mesh.Mesh;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.ModelPart;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.seam.Seams;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

/** What one rank does in the shared training: its seams, its layers, its rows, and the groups its gradients are added in. */
public final class ParallelPlan {

    private final World world;
    private final Mesh mesh;
    private final int rank;
    private final List<ParallelStrategy> strategies;
    private final Communicator gradientGroup;
    private final ModelGroup modelGroup;
    private final int tokenMultiple;

    private ParallelPlan(Mesh mesh, World world, List<ParallelStrategy> strategies, int tokenMultiple) {
        this.mesh = mesh;
        this.world = world;
        this.tokenMultiple = tokenMultiple;
        this.rank = world.rank();
        this.strategies = List.copyOf(strategies);
        this.gradientGroup = group(mesh, world, EnumSet.of(Axis.DATA, Axis.CONTEXT));
        this.modelGroup = new ModelGroup(group(mesh, world, EnumSet.of(Axis.PIPELINE, Axis.TENSOR)), this::gradientIsPartialInReplica);
    }

    /** This rank's group over some axes, named after them and its first rank: {@code data-context-4}. */
    private static Communicator group(Mesh mesh, World world, Set<Axis> axes) {
        List<Integer> members = mesh.group(world.rank(), axes);
        String name = EnumSet.copyOf(axes).stream().map(axis -> axis.name().toLowerCase(Locale.ROOT)).collect(Collectors.joining("-"));
        return world.group(name + "-" + members.get(0), members);
    }

    /**
     * The plan of this rank.
     *
     * @param world all ranks of the mesh
     * @throws IllegalArgumentException when sizes do not fit, or an axis is asked for that is not built yet; names the option
     */
    public static ParallelPlan of(Mesh mesh, World world) {
        return of(mesh, world, Settings.defaults());
    }

    /**
     * What else there is to choose.
     *
     * @param sequenceParallel whether tokens are cut over the tensor-parallel ranks where layers need not see them all
     * @param keyExchange      how context-parallel ranks exchange keys and values
     */
    public record Settings(boolean sequenceParallel, KeyExchange keyExchange) {
        public static Settings defaults() {
            return new Settings(false, KeyExchange.RING);
        }
    }

    /** As the other. */
    public static ParallelPlan of(Mesh mesh, World world, Settings settings) {
        if (mesh.ranks() != world.size()) {
            throw new IllegalArgumentException("mesh of " + mesh.ranks() + " ranks in a world of " + world.size());
        }
        refuse("pipeline_model_parallel_size", mesh.pipeline());
        refuse("expert_model_parallel_size", mesh.expert());
        refuse("expert_tensor_parallel_size", mesh.expertTensor());
        List<ParallelStrategy> strategies = new ArrayList<>();
        boolean sequence = settings.sequenceParallel() && mesh.tensor() > 1;
        if (mesh.tensor() > 1) {
            strategies.add(new TensorParallel(group(mesh, world, EnumSet.of(Axis.TENSOR)), sequence));
        }
        if (mesh.context() > 1) {
            strategies.add(new ContextParallel(group(mesh, world, EnumSet.of(Axis.CONTEXT)), settings.keyExchange(), mesh.tensor()));
        }
        if (mesh.data() > 1) {
            strategies.add(new DataParallel());
        }
        int chunks = mesh.context() > 1 ? 2 * mesh.context() : 1;
        return new ParallelPlan(mesh, world, strategies, chunks * (sequence ? mesh.tensor() : 1));
    }

    private static void refuse(String option, int size) {
        if (size != 1) {
            throw new IllegalArgumentException("--" + option + " " + size + ": only data, tensor and context parallelism are built yet; set it to 1");
        }
    }

    public Mesh mesh() {
        return mesh;
    }

    /** This rank's place on an axis. */
    public int coordinate(Axis axis) {
        return mesh.coordinate(rank, axis);
    }

    /** @throws IllegalArgumentException with option, value and the fix */
    public void validate(ModelConfig config, int maxLength) {
        strategies.forEach(strategy -> strategy.validate(config, maxLength));
    }

    /** The ranks along one axis, in its order. */
    public Communicator along(Axis axis) {
        return group(mesh, world, EnumSet.of(axis));
    }

    /** The tokens of every micro-batch are padded to a multiple of this. */
    public int tokenMultiple() {
        return tokenMultiple;
    }

    /** What layers are built with. */
    public Seams seams() {
        Seams seams = Seams.single();
        for (ParallelStrategy strategy : strategies) {
            seams = strategy.decorate(seams);
        }
        return seams;
    }

    /** The layers this rank holds. */
    public ModelPart part(ModelConfig config) {
        return ModelPart.whole(config);
    }

    /** Whether this rank's gradient of a parameter is to be summed over {@link #gradientGroup()}. */
    public boolean gradientIsPartial(ParameterSpec parameter) {
        return strategies.stream().anyMatch(strategy -> isData(strategy.axis()) && strategy.gradientIsPartial(parameter));
    }

    private boolean gradientIsPartialInReplica(ParameterSpec parameter) {
        return strategies.stream().anyMatch(strategy -> !isData(strategy.axis()) && strategy.gradientIsPartial(parameter));
    }

    private static boolean isData(Axis axis) {
        return axis == Axis.DATA || axis == Axis.CONTEXT;
    }

    /** Ranks that together hold the replica of the model that this rank has a part of. */
    public ModelGroup modelGroup() {
        return modelGroup;
    }

    /**
     * Uses every group once, so that connections are made, and what is wrong with them is found, before the first step and not in it.
     *
     * @param scalar float32 [1], zero before and after
     */
    public void warmUp(Tensor scalar) {
        gradientGroup.allReduce(scalar, Reduction.SUM);
        modelGroup.ranks().allReduce(scalar, Reduction.SUM);
        if (mesh.tensor() > 1) {
            along(Axis.TENSOR).allReduce(scalar, Reduction.SUM);
        }
        if (mesh.context() > 1) {
            warmUpRing(along(Axis.CONTEXT), scalar);
        }
    }

    /** Messages to the next rank go over connections of their own. */
    private static void warmUpRing(Communicator ring, Tensor scalar) {
        ring.allReduce(scalar, Reduction.SUM);
        Transfer sent = ring.send(scalar, (ring.rank() + 1) % ring.size());
        ring.receive(scalar, (ring.rank() + ring.size() - 1) % ring.size()).await();
        sent.await();
    }

    /** Collectives of {@link #gradientGroup()} beside the layers' work; whoever asks closes them. All ranks of the group ask. */
    public BackgroundCollectives gradientsInBackground() {
        return world.background(gradientGroup.name() + "-background", gradientGroup.ranks());
    }

    /** Ranks that hold the same parameters and saw other tokens: gradients are summed here, and the distributed optimizer shares its state out here. */
    public Communicator gradientGroup() {
        return gradientGroup;
    }
}
