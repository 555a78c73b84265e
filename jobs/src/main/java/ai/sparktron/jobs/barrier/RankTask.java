package ai.sparktron.jobs.barrier;

import ai.sparktron.jobs.barrier.ControlMessage.Kind;
import ai.sparktron.trainer.comm.CommunicationException;
import ai.sparktron.trainer.comm.World;
import ai.sparktron.trainer.comm.socket.SocketSettings;
import ai.sparktron.trainer.comm.socket.SocketWorld;
import java.io.IOException;
import java.io.Serializable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.BarrierTaskContext;
import org.apache.spark.SparkEnv;
import org.apache.spark.resource.ResourceInformation;

/** What a Spark task of the barrier job does: register, join the world, run the program under a watchdog, tell how it ended. */
final class RankTask implements Serializable {

    private static final long serialVersionUID = 1L;
    private static final long POLL_MILLIS = 20;
    private static final Duration LAST_WORDS = Duration.ofMillis(1_500);

    /**
     * What all ranks of an attempt are told.
     *
     * @param resumeFrom newest committed checkpoint, or null
     * @param local      whether ranks are threads of the driver
     */
    record Plan(AttemptToken token, int size, BarrierSettings settings, ChannelAddress channel, String resumeFrom, boolean local)
            implements Serializable {
    }

    private final Plan plan;
    private final RankProgram program;

    RankTask(Plan plan, RankProgram program) {
        this.plan = plan;
        this.program = program;
    }

    /** Runs one partition. The result is rank 0's; other ranks give nothing. */
    Iterator<String> run() throws Exception {
        BarrierTaskContext context = BarrierTaskContext.get();
        try (ControlChannel channel = plan.channel().open(plan.token(), context.partitionId())) {
            List<RankPlace> places = register(channel, context);
            RankPlace place = places.stream().filter(each -> each.partition() == context.partitionId()).findFirst().orElseThrow();
            String result = supervised(new RankSession(plan, channel, places, place), context);
            return place.rank() == 0 && result != null ? List.of(result).iterator() : List.<String>of().iterator();
        }
    }

    private String supervised(RankSession session, BarrierTaskContext context) throws Exception {
        try {
            String result;
            try (RankWatchdog watchdog = new RankWatchdog(session, plan.settings(), plan.local(), context::isInterrupted)) {
                session.enter(join(session));
                result = program.run(session);
            }
            if (session.stopReason() != null) {
                throw new AttemptAbortedException(session.stopReason());
            }
            session.finished();
            return result;
        } catch (Throwable error) {
            boolean interrupted = Thread.interrupted();
            boolean retire = tell(session, error);
            session.abort(error);
            if (retire && !plan.local() && plan.settings().freshJvm()) {
                JvmRetirement.schedule(LAST_WORDS);
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
            throw error;
        } finally {
            leave(session.worldOrNull());
        }
    }

    /** The driver hears of it before the peers do, so that they are not taken for the cause. */
    private static boolean tell(RankSession session, Throwable error) {
        try {
            return session.failed(error);
        } catch (IOException | RuntimeException unreachable) {
            error.addSuppressed(unreachable);
            return true;
        }
    }

    private List<RankPlace> register(ControlChannel channel, BarrierTaskContext context) throws IOException {
        String address = context.getTaskInfos()[context.partitionId()].address();
        ResourceInformation gpu = context.resourcesJMap().get("gpu");
        ControlMessage message = ControlMessage.of(Kind.REGISTER, "token", plan.token().text(), "partition", String.valueOf(context.partitionId()),
                "host", host(address), "executor", SparkEnv.get().executorId(), "pid", String.valueOf(ProcessHandle.current().pid()),
                "gpu", gpu == null ? "" : String.join(",", gpu.addresses()), "code", CodeFingerprint.ofThisJar());
        ControlMessage answer = poll(channel, message, Kind.TOPOLOGY);
        List<RankPlace> places = new ArrayList<>();
        for (int rank = 0; rank < plan.size(); rank++) {
            places.add(RankPlace.decode(answer.field("place." + rank)));
        }
        return places;
    }

    private static String host(String address) {
        int colon = address.lastIndexOf(':');
        return colon < 0 || address.endsWith("]") ? address : address.substring(0, colon);
    }

    private World join(RankSession session) {
        List<RankPlace> places = session.places();
        RankPlace place = places.get(session.rank());
        boolean together = places.stream().allMatch(other -> other.executor().equals(place.executor()) && other.pid() == place.pid());
        if (together) {
            return LocalWorlds.join(plan.token(), place.rank(), plan.size(), plan.settings().collectiveTimeout());
        }
        SocketSettings settings = new SocketSettings(place.host(), plan.token().secret(), plan.settings().startTimeout(),
                plan.settings().collectiveTimeout());
        return SocketWorld.join(place.rank(), plan.size(), value -> exchange(session.channel(), place, value), settings);
    }

    private List<String> exchange(ControlChannel channel, RankPlace place, String value) {
        try {
            ControlMessage answer = poll(channel, ControlMessage.of(Kind.ADDRESS, "token", plan.token().text(), "rank", String.valueOf(place.rank()),
                    "address", value), Kind.ADDRESSES);
            String[] addresses = new String[plan.size()];
            Arrays.setAll(addresses, rank -> answer.field("address." + rank));
            return List.of(addresses);
        } catch (IOException failure) {
            throw new CommunicationException("the driver does not answer: " + failure.getMessage(), failure);
        }
    }

    /** Asks until the driver has what is wanted; it gives up itself when not all ranks come. */
    private ControlMessage poll(ControlChannel channel, ControlMessage message, Kind wanted) throws IOException {
        while (true) {
            ControlMessage answer = channel.ask(message);
            if (answer.kind() == wanted) {
                return answer;
            }
            if (answer.kind() == Kind.ABORT) {
                throw new AttemptAbortedException(answer.field("reason"));
            }
            try {
                Thread.sleep(POLL_MILLIS);
            } catch (InterruptedException interrupt) {
                Thread.currentThread().interrupt();
                throw new AttemptAbortedException("interrupted before all ranks had come");
            }
        }
    }

    private void leave(World world) {
        if (world instanceof SocketWorld) {
            world.close();
        } else if (world != null) {
            LocalWorlds.leave(plan.token(), world);
        }
    }
}
