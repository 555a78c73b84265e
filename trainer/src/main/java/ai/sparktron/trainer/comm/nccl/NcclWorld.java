package ai.sparktron.trainer.comm.nccl;

import static ai.sparktron.trainer.comm.nccl.NcclLibrary.checkCuda;

import ai.sparktron.trainer.comm.BackgroundCollectives;
import ai.sparktron.trainer.comm.CommunicationException;
import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.GroupCommunicator;
import ai.sparktron.trainer.comm.HostCommunicator;
import ai.sparktron.trainer.comm.World;
import ai.sparktron.trainer.kernels.DeviceStreams;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.cuda.global.nccl;
import org.bytedeco.cuda.nccl.ncclComm;

/**
 * A world whose ranks have a GPU each. Stands on a world of the same ranks' hosts, over which ids are exchanged, calls compared, and failures told; it does not
 * close that one. Each group is an NCCL communicator of its own, made when the group is first asked for, which all members must do in the same order.
 *
 * <p>Environment variables of NCCL apply as they are; nothing is set here.
 */
public final class NcclWorld implements World {

    private static final int CALLER_MILLIS = 1_000;

    private final World host;
    private final DeviceStreams device;
    private final NcclSettings settings;
    private final String version;
    private final NcclWatch watch;
    private final Map<String, NcclCommunicator> groups = new HashMap<>();
    private final List<ncclComm> communicators = new ArrayList<>();
    private final List<DeviceStream> streams = new ArrayList<>();
    private final AtomicInteger inside = new AtomicInteger();
    private volatile boolean aborted;
    private volatile boolean closed;

    /**
     * @param host of the same ranks, whose groups are {@link HostCommunicator}s
     * @throws NcclException when NCCL cannot be loaded
     */
    public NcclWorld(World host, DeviceStreams device, NcclSettings settings) {
        this.host = host;
        this.device = device;
        this.settings = settings;
        this.version = NcclLibrary.load();
        checkCuda(cudart.cudaSetDevice(device.device()), "cudaSetDevice " + device.device());
        this.watch = new NcclWatch(this, settings.collectiveTimeout());
        watch.start();
    }

    @Override
    public int rank() {
        return host.rank();
    }

    @Override
    public int size() {
        return host.size();
    }

    /** NCCL's version, for reports. */
    public String version() {
        return version;
    }

    int device() {
        return device.device();
    }

    World host() {
        return host;
    }

    NcclWatch watch() {
        return watch;
    }

    NcclSettings settings() {
        return settings;
    }

    /** The hosts of some ranks, under a name of their own. */
    HostCommunicator hosts(String name, List<Integer> ranks) {
        return (HostCommunicator) host.group(name, ranks);
    }

    @Override
    public Communicator group(String name, List<Integer> ranks) {
        return group(name, ranks, DeviceStream.borrowed(device.compute()));
    }

    @Override
    public BackgroundCollectives background(String name, List<Integer> ranks) {
        DeviceStream beside = DeviceStream.create();
        synchronized (this) {
            streams.add(beside);
        }
        return new NcclBackground(this, group(name, ranks, beside), DeviceStream.borrowed(device.compute()));
    }

    private NcclCommunicator group(String name, List<Integer> ranks, DeviceStream stream) {
        GroupCommunicator.checkMembers(name, rank(), size(), ranks);
        synchronized (this) {
            NcclCommunicator known = groups.get(name);
            if (known != null) {
                if (!known.ranks().equals(ranks)) {
                    throw new IllegalArgumentException("group " + name + " of ranks " + ranks + " exists with ranks " + known.ranks());
                }
                return known;
            }
        }
        requireAlive();
        HostCommunicator hosts = hosts(name, ranks);
        ncclComm communicator = null;
        if (ranks.size() > 1) {
            byte[] own = hosts.rank() == 0 ? NcclLibrary.uniqueId() : new byte[0];
            byte[] id = hosts("nccl/" + name, ranks).allGather(own).get(0);
            communicator = joinWithin("group " + name + " " + ranks, id, ranks.size(), hosts.rank());
        }
        NcclCommunicator group = new NcclCommunicator(this, hosts, new WaitingBoard(hosts(NcclWatch.PREFIX + name, ranks)), communicator, stream);
        synchronized (this) {
            groups.put(name, group);
        }
        return group;
    }

    /** Joins on a thread of its own, since a member that dies meanwhile would hold this one for ever. */
    ncclComm joinWithin(String what, byte[] id, int size, int rank) {
        CompletableFuture<ncclComm> joining = onThread("nccl-" + rank() + "-join", () -> {
            checkCuda(cudart.cudaSetDevice(device()), "cudaSetDevice " + device());
            return NcclLibrary.join(id, size, rank, what);
        });
        long deadline = System.nanoTime() + settings.startTimeout().toNanos();
        while (true) {
            try {
                ncclComm communicator = joining.get(100, TimeUnit.MILLISECONDS);
                synchronized (this) {
                    communicators.add(communicator);
                }
                return communicator;
            } catch (TimeoutException notYet) {
                requireAlive();
                if (System.nanoTime() > deadline) {
                    throw failed(new CommunicationException(what + ": NCCL has not joined its ranks within " + settings.startTimeout().toSeconds()
                            + " s; hosts may not reach each other on the interface that NCCL chose: set NCCL_SOCKET_IFNAME, and look with NCCL_DEBUG=INFO"));
                }
            } catch (InterruptedException interrupt) {
                Thread.currentThread().interrupt();
                throw failed(new CommunicationException(what + ": rank " + rank() + " was interrupted", interrupt));
            } catch (ExecutionException failure) {
                throw failed(failure.getCause() instanceof CommunicationException known ? known
                        : new CommunicationException(what + ": " + failure.getCause(), failure.getCause()));
            }
        }
    }

    /**
     * Makes a call of NCCL while no abort takes the communicators away.
     *
     * @param what for the message
     */
    void call(IntSupplier enqueuing, Supplier<String> what) {
        inside.incrementAndGet();
        try {
            requireAlive();
            int result = enqueuing.getAsInt();
            requireAlive();
            NcclLibrary.check(result, what);
        } catch (NcclException refused) {
            throw failed(refused);
        } finally {
            inside.decrementAndGet();
        }
    }

    static <T> CompletableFuture<T> onThread(String name, Supplier<T> work) {
        return CompletableFuture.supplyAsync(work, task -> {
            Thread thread = new Thread(task, name);
            thread.setDaemon(true);
            thread.start();
        });
    }

    <E extends CommunicationException> E failed(E error) {
        abort(error);
        return error;
    }

    @Override
    public void requireAlive() {
        host.requireAlive();
        if (closed || aborted) {
            throw new CommunicationException("rank " + rank() + " used its world after " + (aborted ? "aborting" : "leaving") + " it");
        }
    }

    /** Tells the other ranks and then ends NCCL's kernels, so that the device's streams move on and whoever waits for them is woken. */
    @Override
    public void abort(Throwable cause) {
        host.abort(cause);
        List<ncclComm> all;
        synchronized (this) {
            if (aborted || closed) {
                return;
            }
            aborted = true;
            all = List.copyOf(communicators);
        }
        onThread("nccl-" + rank() + "-abort", () -> {
            cudart.cudaSetDevice(device());
            awaitCallers();
            all.forEach(nccl::ncclCommAbort);
            return null;
        });
    }

    /** A caller inside of NCCL comes back soon, unless NCCL itself waits for a peer; then the abort is what wakes it. */
    private void awaitCallers() {
        for (int i = 0; i < CALLER_MILLIS && inside.get() > 0; i++) {
            try {
                Thread.sleep(1);
            } catch (InterruptedException interrupt) {
                return;
            }
        }
    }

    /**
     * Waits for what is enqueued, then frees the communicators, for which NCCL waits until the other ranks of the same host do so too. After an abort they are freed
     * already.
     */
    @Override
    public void close() {
        List<ncclComm> all;
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
            all = aborted ? List.of() : List.copyOf(communicators);
        }
        watch.close();
        for (NcclCommunicator group : groups.values()) {
            group.free();
        }
        if (!all.isEmpty()) {
            cudart.cudaStreamSynchronize(DeviceStream.borrowed(device.compute()).handle());
            streams.forEach(stream -> cudart.cudaStreamSynchronize(stream.handle()));
            all.forEach(nccl::ncclCommDestroy);
        }
        streams.forEach(DeviceStream::close);
    }
}
