package ai.sparktron.trainer.train;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.comm.Transfer;
import ai.sparktron.trainer.comm.World;
import ai.sparktron.trainer.tensor.Tensor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Arrays;
import java.util.List;

/** A world as a strategy with a mistake would use it: one call of all ranks is left out or does the wrong thing. */
final class FaultyWorld implements World {

    /** What becomes of the call. */
    enum Act {
        /** Nobody makes it. */
        FORGOTTEN,
        /** The largest instead of the sum. */
        WRONG_REDUCTION
    }

    /**
     * One call of each rank.
     *
     * @param group  how the names of the groups begin
     * @param call   name of the method
     * @param number which of these calls of a group, from 1 on; those of single numbers are not counted
     * @param act    what becomes of it
     */
    record Fault(String group, String call, int number, Act act) {
    }

    private final World world;
    private final Fault fault;
    private int calls;
    private boolean happened;

    FaultyWorld(World world, Fault fault) {
        this.world = world;
        this.fault = fault;
    }

    /** Calls of the kind so far. */
    int calls() {
        return calls;
    }

    /** Whether there was such a call at all. */
    boolean happened() {
        return happened;
    }

    @Override
    public int rank() {
        return world.rank();
    }

    @Override
    public int size() {
        return world.size();
    }

    @Override
    public Communicator group(String name, List<Integer> ranks) {
        Communicator group = world.group(name, ranks);
        if (!name.startsWith(fault.group() + "-")) {
            return group;
        }
        return (Communicator) Proxy.newProxyInstance(getClass().getClassLoader(), new Class<?>[] {Communicator.class}, (proxy, method, arguments) -> {
            boolean counted = method.getName().equals(fault.call()) && arguments[0] instanceof Tensor tensor && tensor.elements() > 1;
            calls += counted ? 1 : 0;
            try {
                if (counted && calls == fault.number()) {
                    happened = true;
                    return switch (fault.act()) {
                        case FORGOTTEN -> method.getReturnType() == Transfer.class ? NOTHING : null;
                        case WRONG_REDUCTION -> method.invoke(group, Arrays.stream(arguments).map(given -> given == Reduction.SUM ? Reduction.MAX : given).toArray());
                    };
                }
                return method.invoke(group, arguments);
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        });
    }

    private static final Transfer NOTHING = new Transfer() {
        @Override
        public void await() {
            // Nothing is under way.
        }

        @Override
        public boolean isDone() {
            return true;
        }
    };

    @Override
    public void abort(Throwable cause) {
        world.abort(cause);
    }

    @Override
    public void requireAlive() {
        world.requireAlive();
    }

    @Override
    public void close() {
        world.close();
    }
}
