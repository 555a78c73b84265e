package ai.sparktron.pipeline.template;

import ai.sparktron.pipeline.dataset.BadRow.Reason;
import ai.sparktron.pipeline.dataset.BadRowException;
import ai.sparktron.pipeline.dataset.Conversation;
import ai.sparktron.pipeline.dataset.Message;
import ai.sparktron.pipeline.dataset.Role;
import ai.sparktron.pipeline.template.TemplateDefinition.SystemPlace;
import ai.sparktron.pipeline.template.TemplateDefinition.Thinking;
import ai.sparktron.pipeline.template.TemplateDefinition.ToolFormat;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;

/**
 * A template from {@link TemplateDefinition data}. Its text equals the model's own chat template; consecutive turns of one speaker are joined. The
 * suffix after an answer has the answer's weight.
 */
final class BuiltInTemplate implements ChatTemplate {

    private static final long serialVersionUID = 1L;
    private static final String SYSTEM = "{{SYSTEM}}";
    private static final String QUERY = "{{QUERY}}";

    private final TemplateDefinition definition;

    BuiltInTemplate(TemplateDefinition definition) {
        this.definition = definition;
    }

    @Override
    public String name() {
        return definition.name();
    }

    @Override
    public List<String> stopTokens() {
        return definition.stop();
    }

    @Override
    public String fingerprint(RenderOptions options) {
        boolean dated = definition.system().contains("{{DATE}}");
        return TemplateFingerprint.of(options, dated, "built-in", definition.toString());
    }

    @Override
    public List<Segment> render(Conversation conversation, RenderOptions options) {
        SegmentWriter out = new SegmentWriter(options);
        write(conversation, options, options.lossScale().isLastRound() ? Mode.LAST_ROUND : Mode.ALL_ROUNDS, out);
        return out.segments();
    }

    @Override
    public Prompt promptFor(Conversation conversation, RenderOptions options) {
        Role last = conversation.messages().get(conversation.messages().size() - 1).role();
        if (last != Role.USER && last != Role.TOOL) {
            throw new BadRowException(Reason.ROLE_ORDER, "the last turn is " + last.name().toLowerCase(Locale.ROOT)
                    + ": expected a user's or a tool's turn to answer");
        }
        boolean quiet = Boolean.FALSE.equals(options.enableThinking()) && definition.thinking() != Thinking.NEVER;
        if (quiet && definition.nonThinkingPrefix().isEmpty()) {
            throw new IllegalArgumentException("enable_thinking false: template " + name() + " always thinks; leave the option out");
        }
        SegmentWriter out = new SegmentWriter(options);
        write(conversation, options, Mode.PROMPT, out);
        String prefix = quiet ? definition.nonThinkingPrefix() : definition.responsePrefix();
        out.markup(definition.assistant() + prefix, 0);
        return new Prompt(out.segments(), prefix);
    }

    /** What is written: a sample trained on all answers, one trained on the last round, a prompt. */
    private enum Mode { ALL_ROUNDS, LAST_ROUND, PROMPT }

    private void write(Conversation conversation, RenderOptions options, Mode mode, SegmentWriter out) {
        float base = mode != Mode.PROMPT && options.lossScale().base() == LossScale.Base.ALL ? 1 : 0;
        out.markup(definition.begin(), base);
        String system = system(conversation, options);
        boolean inUser = definition.systemPlace() == SystemPlace.FIRST_USER;
        if (!inUser && (system != null || definition.alwaysSystem())) {
            out.filled(dated(definition.system(), options), SYSTEM, trim(system == null ? "" : system), base, base);
        }
        List<Turn> turns = Turn.of(conversation);
        boolean first = true;
        for (int i = 0; i < turns.size(); i++) {
            Turn turn = turns.get(i);
            switch (turn.speaker()) {
                case SYSTEM -> laterSystem(turn, base, out);
                case USER -> {
                    user(turn, inUser && first && system != null ? definition.system().replace(SYSTEM, system) : "", mode, base, out);
                    first = false;
                }
                case TOOL -> {
                    requireTools("a tool's turn");
                    out.filled(definition.user(), QUERY, HermesTools.results(turn.messages()), base, base);
                }
                case ASSISTANT, TOOL_CALL -> assistant(turn, options, mode, i == turns.size() - 1, base, out);
            }
        }
    }

    private String system(Conversation conversation, RenderOptions options) {
        String system = Turn.system(conversation);
        if (system == null) {
            system = options.system() == null ? definition.defaultSystem() : options.system().isEmpty() ? null : options.system();
        }
        if (conversation.tools() == null || conversation.tools().isEmpty()) {
            return system;
        }
        requireTools("tools");
        return HermesTools.system(system, conversation.tools());
    }

    private void requireTools(String what) {
        if (definition.tools() == ToolFormat.NONE) {
            throw new BadRowException(Reason.TEMPLATE, "the row has " + what + " but template " + name()
                    + " has no form for them: use --template jinja, which takes the model's own chat template");
        }
    }

    private static String dated(String block, RenderOptions options) {
        return block.replace("{{DATE}}", DateTimeFormatter.ofPattern("dd MMM yyyy", Locale.ENGLISH).format(options.date()));
    }

    private void laterSystem(Turn turn, float base, SegmentWriter out) {
        if (definition.laterSystem() == null) {
            throw new BadRowException(Reason.ROLE_ORDER, "a system message stands after the first turn: template " + name()
                    + " takes one only at the start");
        }
        out.filled(definition.laterSystem(), SYSTEM, trim(Turn.joined(turn.messages())), base, base);
    }

    private void user(Turn turn, String systemText, Mode mode, float base, SegmentWriter out) {
        Message only = turn.messages().get(0);
        boolean ownWeight = mode != Mode.PROMPT && turn.messages().size() == 1 && only.loss() != null;
        out.filled(definition.user(), QUERY, systemText + trim(Turn.joined(turn.messages())), base, ownWeight ? only.loss() : base);
    }

    private void assistant(Turn turn, RenderOptions options, Mode mode, boolean lastTurn, float base, SegmentWriter out) {
        out.markup(definition.assistant(), base);
        boolean trained = mode != Mode.PROMPT && (mode == Mode.ALL_ROUNDS || turn.lastRound());
        boolean keepsThinking = mode == Mode.ALL_ROUNDS || turn.lastRound();
        float weight = base;
        boolean says = false;
        for (int i = 0; i < turn.messages().size(); i++) {
            Message message = turn.messages().get(i);
            String text = message.role() == Role.TOOL_CALL ? "" : trim(i == 0 ? opening(message, options, mode, keepsThinking, lastTurn)
                    : message.content());
            says |= message.role() == Role.TOOL_CALL ? i > 0 : says(text);
            text += calls(message, says);
            weight = mode == Mode.PROMPT ? 0 : message.loss() != null ? message.loss() : trained ? 1 : base;
            if (message.loss() == null && trained) {
                options.lossScale().weigh(turn.query(), text).forEach(part -> out.rowText(part.text(), part.weight()));
            } else {
                out.rowText(text, weight);
            }
        }
        out.markup(definition.suffix(), weight);
        out.markup(definition.after(), base);
    }

    /** Whether an answer has text beside its thinking. */
    private boolean says(String text) {
        return !(definition.thinking() == Thinking.NEVER ? text : ThinkText.trimmed(ThinkText.of(text).answer(), "\n", true, false)).isEmpty();
    }

    /** The calls that a message carries. @param afterText whether text or calls stand before them */
    private String calls(Message message, boolean afterText) {
        boolean has = message.role() == Role.TOOL_CALL || message.extra().get("tool_calls") instanceof List<?> list && !list.isEmpty();
        if (!has) {
            return "";
        }
        requireTools("a tool call");
        return (afterText ? "\n" : "") + String.join("\n", HermesTools.calls(message));
    }

    /** The first message of an assistant's turn, with its thinking where the mode keeps it. */
    private String opening(Message message, RenderOptions options, Mode mode, boolean keepsThinking, boolean lastTurn) {
        if (definition.thinking() == Thinking.NEVER) {
            return message.content();
        }
        ThinkText think = ThinkText.of(message);
        if (!keepsThinking) {
            return think.hasReasoning() ? ThinkText.trimmed(think.answer(), definition.historyThinkStrip(), true, false) : think.answer();
        }
        if (think.hasReasoning()) {
            return definition.thinking() == Thinking.ALWAYS && !message.extra().containsKey("reasoning_content") ? message.content()
                    : think.written();
        }
        boolean asked = options.addNonThinkingPrefix() && (mode == Mode.ALL_ROUNDS || mode == Mode.LAST_ROUND && lastTurn);
        return asked && !definition.nonThinkingPrefix().isEmpty()
                ? definition.nonThinkingPrefix() + ThinkText.trimmed(think.answer(), "\n", true, false) : think.answer();
    }

    private String trim(String text) {
        if (!definition.trim()) {
            return text;
        }
        int from = 0;
        int to = text.length();
        while (from < to && isSpace(text.charAt(from))) {
            from++;
        }
        while (to > from && isSpace(text.charAt(to - 1))) {
            to--;
        }
        return text.substring(from, to);
    }

    /** White space as chat templates know it: also the spaces that do not break a line. */
    private static boolean isSpace(char c) {
        return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == '\u0085';
    }
}
