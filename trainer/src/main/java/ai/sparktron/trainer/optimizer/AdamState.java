package ai.sparktron.trainer.optimizer;

import ai.sparktron.trainer.kernels.HostStore.Visit;
import ai.sparktron.trainer.kernels.StateTensor;
import ai.sparktron.trainer.tensor.Arena;
import java.util.ArrayList;
import java.util.List;

/**
 * What AdamW keeps of a range [n].
 *
 * @param main   main weights; null where the values are
 * @param first  moment
 * @param second moment
 */
record AdamState(StateTensor main, StateTensor first, StateTensor second) {

    /** Memory, not yet set. */
    static AdamState allocate(StateTypes types, long size, Arena.Frame frame) {
        return new AdamState(types.main() == null ? null : StateTensor.allocate(frame, "main weights", types.main(), size),
                StateTensor.allocate(frame, "exp_avg", types.firstMoment(), size), StateTensor.allocate(frame, "exp_avg_sq", types.secondMoment(), size));
    }

    /** A part that shares memory. */
    AdamState rows(long from, long size) {
        return new AdamState(main == null ? null : main.rows(from, size), first.rows(from, size), second.rows(from, size));
    }

    /** All tensors of this state, which lies on the host, with those of its place on a device. */
    List<Visit> visits(AdamState place) {
        List<Visit> visits = new ArrayList<>();
        add(visits, main, place.main);
        add(visits, first, place.first);
        add(visits, second, place.second);
        return List.copyOf(visits);
    }

    private static void add(List<Visit> visits, StateTensor host, StateTensor device) {
        if (host != null) {
            visits.add(new Visit(host.elements(), device.elements()));
            if (host.scales() != null) {
                visits.add(new Visit(host.scales(), device.scales()));
            }
        }
    }
}
