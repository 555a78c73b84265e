package ai.sparktron.trainer.comm;

import java.util.List;

/** Where a rank gets the groups it belongs to. */
@FunctionalInterface
public interface CommunicatorFactory {

    /**
     * This rank's end of a group. Every member asks for it with the same name and the same ranks; ranks outside the group do not ask.
     *
     * @param name  of the group, unique in the world, for reports: {@code data}, {@code tensor-0}
     * @param ranks world ranks of the members; the place in this list is the rank in the group and the order of reductions
     * @throws IllegalArgumentException when this rank is not among them, or a rank is named twice or does not exist
     */
    Communicator group(String name, List<Integer> ranks);
}
