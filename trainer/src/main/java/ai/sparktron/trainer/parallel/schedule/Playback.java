package ai.sparktron.trainer.parallel.schedule;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Plays schedules against each other. Stages wait for messages alone, so the order in which stages are advanced does not show in the result. */
final class Playback {

    /** Between two stages, messages of one direction arrive in the order of sending: activations and gradients have links of their own. */
    private record Link(int from, int to, Direction direction) {
    }

    private enum Direction { FORWARD, BACKWARD }

    /** A message: which micro-batch enters which stretch of the model, and since when it is there. */
    private record Message(int microBatch, int place, int time) {
    }

    /** The receiving end of a link: receives that have begun, and messages that have been sent, both in order. */
    private static final class Traffic {
        private final List<Message> begun = new ArrayList<>();
        private final List<Message> sent = new ArrayList<>();
    }

    /** Where a stage stands. */
    private final class Stage implements Action.Performer {
        private final Schedule schedule;
        private final List<Timeline.Span> spans = new ArrayList<>();
        private final Set<Action> computed = new HashSet<>();
        private final Map<Action, Integer> inputs = new HashMap<>();
        private int next;
        private int clock;
        private int sendBegun = -1;
        private boolean blocked;

        Stage(Schedule schedule) {
            this.schedule = schedule;
        }

        Action action() {
            return next < schedule.actions().size() ? schedule.actions().get(next) : null;
        }

        /** Does what can be done now. @return whether anything was */
        boolean advance() {
            int before = next;
            blocked = false;
            while (action() != null && !blocked) {
                action().perform(this);
                next += blocked ? 0 : 1;
            }
            return next > before;
        }

        @Override
        public void receiveForward(Action.ReceiveForward action) {
            begin(new Link(action.peer(), schedule.stage(), Direction.FORWARD), action, new Action.Forward(action.microBatch(), action.chunk()));
        }

        @Override
        public void receiveBackward(Action.ReceiveBackward action) {
            require(computed.contains(new Action.Forward(action.microBatch(), action.chunk())), "stage " + schedule.stage() + " is to " + action + " before forward");
            begin(new Link(action.peer(), schedule.stage(), Direction.BACKWARD), action, new Action.Backward(action.microBatch(), action.chunk()));
        }

        private void begin(Link link, Action action, Action computation) {
            Traffic traffic = traffic(link);
            inputs.put(computation, traffic.begun.size());
            traffic.begun.add(new Message(action.microBatch(), place(action.chunk()), clock));
        }

        @Override
        public void sendForward(Action.SendForward action) {
            send(new Link(schedule.stage(), action.peer(), Direction.FORWARD), action, place(action.chunk()) + 1);
        }

        @Override
        public void sendBackward(Action.SendBackward action) {
            send(new Link(schedule.stage(), action.peer(), Direction.BACKWARD), action, place(action.chunk()) - 1);
        }

        private void send(Link link, Action action, int place) {
            Traffic traffic = traffic(link);
            require(computed.contains(computationOf(action)), "stage " + schedule.stage() + " is to " + action + " before it has computed it");
            if (sendBegun != next) {
                traffic.sent.add(new Message(action.microBatch(), place, clock));
                sendBegun = next;
            }
            if (sends == Timeline.Sends.RENDEZVOUS) {
                int number = traffic.sent.size() - 1 - schedule.pipeline().messagesAhead();
                blocked = number >= traffic.begun.size();
                clock = blocked || number < 0 ? clock : Math.max(clock, traffic.begun.get(number).time());
            }
        }

        @Override
        public void forward(Action.Forward action) {
            compute(action, !schedule.pipeline().isFirst(schedule.stage(), action.chunk()), Direction.FORWARD, schedule.pipeline().stageBefore(schedule.stage()));
        }

        @Override
        public void backward(Action.Backward action) {
            require(computed.contains(new Action.Forward(action.microBatch(), action.chunk())), "stage " + schedule.stage() + " has " + action + " before its forward");
            compute(action, !schedule.pipeline().isLast(schedule.stage(), action.chunk()), Direction.BACKWARD, schedule.pipeline().stageBehind(schedule.stage()));
        }

        private void compute(Action action, boolean needsInput, Direction direction, int peer) {
            require(!computed.contains(action), "stage " + schedule.stage() + " has " + action + " twice");
            if (needsInput) {
                Integer number = inputs.get(action);
                require(number != null, "stage " + schedule.stage() + " has " + action + " without having begun to receive what it needs of stage " + peer);
                Traffic traffic = traffic(new Link(peer, schedule.stage(), direction));
                if (traffic.sent.size() <= number) {
                    blocked = true;
                    return;
                }
                Message message = traffic.sent.get(number);
                require(message.microBatch() == action.microBatch() && message.place() == place(action.chunk()), "stage " + schedule.stage() + " receives for "
                        + action + " what stage " + peer + " sent of micro-batch " + message.microBatch() + " for stretch " + message.place() + " of the model");
                clock = Math.max(clock, message.time());
            }
            computed.add(action);
            int units = work.units(schedule.stage(), action);
            spans.add(new Timeline.Span(action, clock, clock + units));
            clock += units;
        }

        private int place(int chunk) {
            return schedule.pipeline().place(schedule.stage(), chunk);
        }
    }

    private static Action computationOf(Action send) {
        return send instanceof Action.SendForward ? new Action.Forward(send.microBatch(), send.chunk()) : new Action.Backward(send.microBatch(), send.chunk());
    }

    private final Timeline.Work work;
    private final Timeline.Sends sends;
    private final List<Stage> stages = new ArrayList<>();
    private final Map<Link, Traffic> links = new HashMap<>();

    Playback(List<Schedule> schedules, Timeline.Work work, Timeline.Sends sends) {
        this.work = work;
        this.sends = sends;
        for (Schedule schedule : schedules) {
            require(schedule.stage() == stages.size() && schedule.pipeline().stages() == schedules.size(), "schedule of stage " + schedule.stage() + " of "
                    + schedule.pipeline().stages() + " stands at place " + stages.size() + " of " + schedules.size());
            stages.add(new Stage(schedule));
        }
    }

    Timeline play() {
        boolean moving = true;
        while (moving) {
            moving = false;
            for (Stage stage : stages) {
                moving |= stage.advance();
            }
        }
        StringBuilder waiting = new StringBuilder();
        for (Stage stage : stages) {
            if (stage.action() != null) {
                waiting.append(waiting.length() == 0 ? "" : "; ").append("stage ").append(stage.schedule.stage()).append(" waits at: ").append(stage.action());
            }
        }
        require(waiting.length() == 0, "stages wait for each other for ever: " + waiting);
        links.forEach((link, traffic) -> require(traffic.begun.size() == traffic.sent.size(), "between stages " + link.from() + " and " + link.to() + " "
                + traffic.sent.size() + " messages are sent and " + traffic.begun.size() + " received"));
        return new Timeline(stages.stream().map(stage -> stage.spans).toList());
    }

    private Traffic traffic(Link link) {
        return links.computeIfAbsent(link, key -> new Traffic());
    }

    private static void require(boolean holds, String problem) {
        if (!holds) {
            throw new IllegalStateException(problem);
        }
    }
}
