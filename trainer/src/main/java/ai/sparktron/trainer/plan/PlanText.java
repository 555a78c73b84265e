package ai.sparktron.trainer.plan;

import ai.sparktron.trainer.measure.Traffic;
import ai.sparktron.trainer.parallel.StageLayout;
import ai.sparktron.trainer.train.MemoryUse;
import ai.sparktron.trainer.train.metrics.Figures;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** Plans as text for a terminal of 100 columns. */
public final class PlanText {

    private static final int WIDTH = 100;
    private static final int BAR = 48;
    private static final int PICTURE_MARGIN = 13;
    private static final int PROPOSAL_WIDTH = 130;
    private static final double GIB = 1L << 30;
    private static final double MIB = 1L << 20;

    private final StringBuilder text = new StringBuilder();

    private PlanText() {
    }

    /** What a grid takes, does and exchanges. */
    public static String of(GridPlan plan, Hardware hardware) {
        PlanText text = new PlanText();
        text.title(plan);
        text.lifetimes(plan, hardware.memoryBytes());
        text.stages(plan, hardware.memoryBytes());
        text.pipeline(plan);
        text.time(StepTime.of(plan, hardware), plan, hardware);
        text.traffic(plan, hardware);
        return text.text.toString();
    }

    /** Memory and pipeline alone, of a device with so many free bytes; {@link Long#MAX_VALUE} where nobody knows. */
    public static String memory(GridPlan plan, long freeBytes) {
        PlanText text = new PlanText();
        text.title(plan);
        text.lifetimes(plan, freeBytes);
        text.stages(plan, freeBytes);
        text.pipeline(plan);
        return text.text.toString();
    }

    private void line(String format, Object... values) {
        text.append(String.format(Locale.ROOT, format, values).stripTrailing()).append('\n');
    }

    private void title(GridPlan plan) {
        line("%s, %s parameters, %s; rows of %s tokens, %d rows a step", plan.config().family().name(), parameters(plan.config().parameterCount()),
                plan.values().name().toLowerCase(Locale.ROOT), Figures.count(plan.rowTokens()), plan.options().training().globalBatchSize());
        line("%d ranks = %d tensor x %d context x %d data x %d pipeline%s; %d micro-batches of %d rows a step on each", plan.mesh().ranks(),
                plan.mesh().tensor(), plan.mesh().context(), plan.mesh().data(), plan.mesh().pipeline(),
                plan.mesh().expert() > 1 ? ", experts over " + plan.mesh().expert() : "", plan.microBatches(), plan.options().training().microBatchSize());
    }

    private static String parameters(double count) {
        return count >= 1e9 ? String.format(Locale.ROOT, "%.2f billion", count / 1e9) : String.format(Locale.ROOT, "%.2f million", count / 1e6);
    }

    /** A bar a lifetime, of the ranks that take most. */
    private void lifetimes(GridPlan plan, long available) {
        int stage = plan.fullestStage();
        MemoryUse use = plan.stages().get(stage).memory();
        Map<String, Long> parts = parts(plan, stage);
        long total = parts.values().stream().mapToLong(Long::longValue).sum();
        long longest = parts.values().stream().mapToLong(Long::longValue).max().orElse(1);
        line("");
        line("memory of a rank%s", plan.stages().size() == 1 ? "" : " of stage " + stage + ", where it is most");
        parts.forEach((name, bytes) -> line("  %-16s %12s  %-" + BAR + "s %s", name, size(bytes, total), "#".repeat(columns(bytes, longest, BAR)), remark(name, use)));
        line("  %-16s %12s  %s", "together", size(total, total), verdict(total, available));
    }

    private static Map<String, Long> parts(GridPlan plan, int stage) {
        MemoryUse use = plan.stages().get(stage).memory();
        Map<String, Long> parts = new LinkedHashMap<>();
        parts.put("Weights", use.weights());
        parts.put("Gradients", use.gradients());
        parts.put("Optimizer state", use.optimizer());
        parts.put("Activations", use.activations());
        parts.put("Logits", use.logits());
        parts.put("Exchanged", use.exchanged());
        parts.put("Scratch", use.scratch());
        parts.put("Tables", use.tables());
        parts.put("Beside", plan.outsideBytes());
        parts.values().removeIf(bytes -> bytes == 0);
        return parts;
    }

    private static String remark(String name, MemoryUse use) {
        return switch (name) {
            case "Activations" -> use.passes() == 1 ? "" : use.passes() + " passes in flight";
            case "Beside" -> "driver, libraries, NCCL: an allowance";
            default -> "";
        };
    }

    private static String verdict(long total, long available) {
        if (available == Long.MAX_VALUE) {
            return "";
        }
        double spare = available - total;
        return String.format(Locale.ROOT, "of %s: %s", size(available, available), spare >= 0
                ? String.format(Locale.ROOT, "fits, %.0f %% to spare", 100 * spare / available) : "DOES NOT FIT, " + size((long) -spare, (long) -spare) + " too much");
    }

    private static String size(long bytes, long scale) {
        return scale >= GIB ? String.format(Locale.ROOT, "%.2f GiB", bytes / GIB) : String.format(Locale.ROOT, "%.2f MiB", bytes / MIB);
    }

    private static int columns(double part, double whole, int width) {
        return (int) Math.round(part / whole * width);
    }

    /** A line a stage, each lifetime by its initial. */
    private void stages(GridPlan plan, long available) {
        if (plan.stages().size() == 1) {
            return;
        }
        double most = Math.max(plan.peakBytes(), available == Long.MAX_VALUE ? 0 : available);
        line("");
        for (int stage = 0; stage < plan.stages().size(); stage++) {
            StringBuilder bar = new StringBuilder();
            double sum = 0;
            for (Map.Entry<String, Long> part : parts(plan, stage).entrySet()) {
                sum += part.getValue();
                while (bar.length() < columns(sum, most, WIDTH - 30)) {
                    bar.append(part.getKey().charAt(0));
                }
            }
            line("  stage %-3d |%-" + (WIDTH - 30) + "s| %s", stage, bar, size((long) sum, (long) sum));
        }
    }

    /** What stages do when, and how much of the time nothing. */
    private void pipeline(GridPlan plan) {
        StageLayout layout = plan.layout();
        if (layout.pipeline().stages() == 1) {
            return;
        }
        StepPicture picture = new StepPicture(layout, plan.microBatches());
        int drawn = picture.drawnMicroBatches(WIDTH - PICTURE_MARGIN);
        line("");
        line("pipeline: layers %s; %d micro-batches leave stages idle %.1f %% of the time", layout.text(), plan.microBatches(), 100 * picture.bubble());
        if (drawn > 0) {
            line("  %s micro-batches, a column a unit of time: 0-9 forward, a-j backward, . idle", drawn == plan.microBatches() ? "all" : "the first " + drawn);
            List<String> lines = picture.lines(drawn);
            for (int stage = 0; stage < lines.size(); stage++) {
                line("  stage %-3d |%s|", stage, lines.get(stage));
            }
        }
    }

    private void time(StepTime time, GridPlan plan, Hardware hardware) {
        line("");
        line("a step of %s tokens, estimated: %.2f s, %s tokens/s a GPU, %.0f %% of the peak of %s", Figures.count(plan.tokens()), time.seconds(),
                Figures.count(time.tokensPerSecond()), 100 * time.utilisation(), hardware.name());
        bar("kernels", time.compute(), time.seconds());
        bar("communication", time.communication(), time.seconds());
        bar("bubble", time.bubble(), time.seconds());
    }

    private void bar(String name, double part, double whole) {
        line("  %-16s %9.2f s  %-" + BAR + "s %.1f %%", name, part, "#".repeat(columns(part, whole, BAR)), 100 * part / whole);
    }

    private void traffic(GridPlan plan, Hardware hardware) {
        List<Traffic> all = StepTime.ofStep(plan, plan.fullestStage());
        if (all.isEmpty()) {
            return;
        }
        line("");
        line("what a rank sends in a step");
        all.stream().collect(Collectors.groupingBy(traffic -> axes(traffic.group()) + "|" + kind(traffic), LinkedHashMap::new, Collectors.toList()))
                .forEach((key, same) -> {
                    Traffic first = same.get(0);
                    line("  %-16s %-15s %10s  %8.2f s  among %d ranks%s%s", key.substring(0, key.indexOf('|')), kind(first),
                            Figures.bytes(same.stream().mapToDouble(Traffic::sentBytes).sum()),
                            same.stream().mapToDouble(traffic -> StepTime.seconds(traffic, hardware)).sum(), first.ranks().size(),
                            hardware.crossesHosts(first.ranks()) ? " over the network" : " of a host",
                            first.place() == Traffic.Place.BESIDE_KERNELS ? ", beside kernels" : "");
                });
    }

    private static String kind(Traffic traffic) {
        return traffic.kind().name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** {@code data-context} of {@code data-context-4-background}. */
    private static String axes(String group) {
        return group.replaceAll("-\\d+.*$", "");
    }

    /** Other grids, fastest first. */
    public static String of(GridSearch.Found found, int ranks, int most, Hardware hardware) {
        PlanText text = new PlanText();
        text.proposals(found, ranks, most, hardware);
        return text.text.toString();
    }

    private void proposals(GridSearch.Found found, int ranks, int most, Hardware hardware) {
        line("");
        String left = (found.tooLarge() == 0 ? "" : "; " + found.tooLarge() + " take too much memory")
                + (found.refused() == 0 ? "" : "; " + found.refused() + " are refused, such as: " + found.refusal().orElse(""));
        if (found.fitting().isEmpty()) {
            line("no grid of %d %s fits%s", ranks, hardware.name(), left);
            found.smallest().ifPresent(smallest -> {
                line("the smallest takes %s of %s:", size(smallest.plan().peakBytes(), Long.MAX_VALUE), size(hardware.memoryBytes(), Long.MAX_VALUE));
                heading();
                proposal(smallest);
            });
            return;
        }
        line("%d grids of %d %s fit, fastest first as estimated%s", found.fitting().size(), ranks, hardware.name(), left);
        heading();
        found.fitting().stream().limit(most).forEach(this::proposal);
    }

    private void heading() {
        line("     step   tokens/s a GPU    memory  kernels  waiting   bubble   options to add");
    }

    private void proposal(GridSearch.Proposal proposal) {
        StepTime time = proposal.time();
        String begin = String.format(Locale.ROOT, "%7.2f s %16s %9s %6.0f %% %6.0f %% %6.0f %%   ", time.seconds(), Figures.count(time.tokensPerSecond()),
                size(proposal.plan().peakBytes(), Long.MAX_VALUE), 100 * time.compute() / time.seconds(), 100 * time.communication() / time.seconds(),
                100 * time.bubble() / time.seconds());
        StringBuilder row = new StringBuilder(begin);
        if (proposal.added().isEmpty()) {
            row.append("none");
        }
        for (Map.Entry<String, String> option : proposal.added().entrySet()) {
            String words = "--" + option.getKey() + " " + option.getValue() + " ";
            if (row.length() + words.length() > PROPOSAL_WIDTH + 1 && row.length() > begin.length()) {
                line("%s", row);
                row = new StringBuilder(" ".repeat(begin.length()));
            }
            row.append(words);
        }
        line("%s", row);
    }
}
