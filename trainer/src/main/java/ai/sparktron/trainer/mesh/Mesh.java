package ai.sparktron.trainer.mesh;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The grid of ranks: rank = ((pipeline * DATA + data) * CONTEXT + context) * TENSOR + tensor. The expert view folds data x context x tensor anew into
 * expert data x expert x expert tensor, the last innermost; stages are the same in both.
 *
 * @param pipeline     stages
 * @param data         replicas
 * @param context      parts of a row
 * @param tensor       parts of a layer
 * @param expert       parts of the experts
 * @param expertTensor parts of each expert
 */
public record Mesh(int pipeline, int data, int context, int tensor, int expert, int expertTensor) {

    public Mesh {
        if (pipeline <= 0 || data <= 0 || context <= 0 || tensor <= 0 || expert <= 0 || expertTensor <= 0) {
            throw new IllegalArgumentException("mesh of pipeline " + pipeline + ", data " + data + ", context " + context + ", tensor " + tensor + ", expert "
                    + expert + ", expert tensor " + expertTensor + ": expected sizes > 0");
        }
        if (data * context * tensor % (expert * expertTensor) != 0) {
            throw new IllegalArgumentException("expert_model_parallel_size " + expert + " x expert_tensor_parallel_size " + expertTensor
                    + " does not divide the ranks of a stage, data " + data + " x context " + context + " x tensor " + tensor + " = " + data * context * tensor);
        }
    }

    /**
     * The mesh of a number of ranks: data takes what the others leave.
     *
     * @throws IllegalArgumentException when the ranks are no multiple of pipeline x context x tensor
     */
    public static Mesh of(int ranks, int tensor, int pipeline, int context, int expert, int expertTensor) {
        int model = tensor * pipeline * context;
        if (model <= 0 || ranks <= 0 || ranks % model != 0) {
            throw new IllegalArgumentException(ranks + " ranks are no multiple of tensor_model_parallel_size " + tensor + " x pipeline_model_parallel_size " + pipeline
                    + " x context_parallel_size " + context + " = " + model + "; change one of them or the number of ranks");
        }
        return new Mesh(pipeline, ranks / model, context, tensor, expert, expertTensor);
    }

    /** Replicas alone. */
    public static Mesh ofData(int ranks) {
        return of(ranks, 1, 1, 1, 1, 1);
    }

    /** Number of ranks. */
    public int ranks() {
        return pipeline * data * context * tensor;
    }

    public int size(Axis axis) {
        return switch (axis) {
            case PIPELINE -> pipeline;
            case DATA -> data;
            case CONTEXT -> context;
            case TENSOR -> tensor;
        };
    }

    /** Place of a rank on an axis. */
    public int coordinate(int rank, Axis axis) {
        requireRank(rank);
        return rank / stride(axis) % size(axis);
    }

    /** All coordinates of a rank, for reports. */
    public Map<Axis, Integer> coordinates(int rank) {
        Map<Axis, Integer> coordinates = new EnumMap<>(Axis.class);
        for (Axis axis : Axis.values()) {
            coordinates.put(axis, coordinate(rank, axis));
        }
        return coordinates;
    }

    /** Ranks that differ from this one on the given axes only, this one included, ascending. */
    public List<Integer> group(int rank, Set<Axis> axes) {
        List<Integer> members = new ArrayList<>();
        for (int other = 0; other < ranks(); other++) {
            boolean together = true;
            for (Axis axis : Axis.values()) {
                together &= axes.contains(axis) || coordinate(other, axis) == coordinate(rank, axis);
            }
            if (together) {
                members.add(other);
            }
        }
        return List.copyOf(members);
    }

    /** All groups over the given axes: they share out the ranks. */
    public List<List<Integer>> groups(Set<Axis> axes) {
        Map<Integer, List<Integer>> byFirst = new LinkedHashMap<>();
        for (int rank = 0; rank < ranks(); rank++) {
            List<Integer> group = group(rank, axes);
            byFirst.putIfAbsent(group.get(0), group);
        }
        return List.copyOf(byFirst.values());
    }

    /** Place of a rank among the parts of the experts. */
    public int expertCoordinate(int rank) {
        requireRank(rank);
        return rank / expertTensor % expert;
    }

    /** Ranks that together hold all experts of this rank's layers, ascending. */
    public List<Integer> expertGroup(int rank) {
        requireRank(rank);
        int base = rank / (expert * expertTensor) * expert * expertTensor + rank % expertTensor;
        List<Integer> members = new ArrayList<>();
        for (int part = 0; part < expert; part++) {
            members.add(base + part * expertTensor);
        }
        return List.copyOf(members);
    }

    /** Ranks that hold parts of the same experts, for the same tokens, ascending. */
    public List<Integer> expertTensorGroup(int rank) {
        requireRank(rank);
        List<Integer> members = new ArrayList<>();
        for (int part = 0; part < expertTensor; part++) {
            members.add(rank / expertTensor * expertTensor + part);
        }
        return List.copyOf(members);
    }

    /** Ranks that hold the same experts as this one, ascending: their gradients belong together. */
    public List<Integer> expertDataGroup(int rank) {
        requireRank(rank);
        int stage = data * context * tensor;
        int fold = expert * expertTensor;
        List<Integer> members = new ArrayList<>();
        for (int other = rank / stage * stage + rank % fold; other < (rank / stage + 1) * stage; other += fold) {
            members.add(other);
        }
        return List.copyOf(members);
    }

    /** Ranks that together hold all experts of this rank's layers, parts of each expert included, ascending: tokens travel between them. */
    public List<Integer> expertBlock(int rank) {
        requireRank(rank);
        int fold = expert * expertTensor;
        List<Integer> members = new ArrayList<>();
        for (int part = 0; part < fold; part++) {
            members.add(rank / fold * fold + part);
        }
        return List.copyOf(members);
    }

    /** Ranks that together hold all experts of all layers, ascending: this one's {@link #expertBlock} and its likes of the other stages. */
    public List<Integer> expertReplica(int rank) {
        int stage = data * context * tensor;
        List<Integer> members = new ArrayList<>();
        for (int first = 0; first < ranks(); first += stage) {
            for (int other : expertBlock(rank)) {
                members.add(first + other % stage);
            }
        }
        return List.copyOf(members);
    }

    private int stride(Axis axis) {
        return switch (axis) {
            case TENSOR -> 1;
            case CONTEXT -> tensor;
            case DATA -> tensor * context;
            case PIPELINE -> tensor * context * data;
        };
    }

    private void requireRank(int rank) {
        if (rank < 0 || rank >= ranks()) {
            throw new IllegalArgumentException("rank " + rank + " of a mesh of " + ranks() + " ranks");
        }
    }
}
