package ai.sparktron.pipeline.template;

import ai.sparktron.pipeline.dataset.BadRow.Reason;
import ai.sparktron.pipeline.dataset.BadRowException;
import ai.sparktron.pipeline.dataset.Conversation;
import ai.sparktron.pipeline.dataset.Role;
import ai.sparktron.pipeline.template.jinja.JinjaException;
import ai.sparktron.pipeline.template.jinja.JinjaTemplate;
import ai.sparktron.pipeline.template.jinja.Rendered;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/**
 * The model's own chat template. Answers are found by the template's {@code {% generation %}} blocks; where it has none, by rendering the
 * conversation up to each trained answer with and without it, which works only for templates that do not change what came before.
 */
final class JinjaChatTemplate implements ChatTemplate {

    private static final long serialVersionUID = 1L;
    static final String NAME = "jinja";
    private static final Pattern GENERATION = Pattern.compile("\\{%[-+]?\\s*generation\\s*[-+]?%\\}");

    private final ModelTexts model;
    private final JinjaVariables variables;
    private final boolean marksAnswers;
    private transient volatile JinjaTemplate compiled;

    /** @throws JinjaException if the template does not compile */
    JinjaChatTemplate(ModelTexts model) {
        this.model = model;
        this.variables = new JinjaVariables(model);
        this.marksAnswers = GENERATION.matcher(model.chatTemplate()).find();
        this.compiled = JinjaTemplate.compile(model.chatTemplate());
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public List<String> stopTokens() {
        String end = model.specialTokens().get("eos_token");
        return end == null ? List.of() : List.of(end);
    }

    @Override
    public String fingerprint(RenderOptions options) {
        return TemplateFingerprint.of(options, model.chatTemplate().contains("strftime_now"), NAME, model.chatTemplate(),
                model.specialTokens().toString());
    }

    @Override
    public List<Segment> render(Conversation conversation, RenderOptions options) {
        refuseSplit(options);
        List<Map<String, Object>> messages = variables.messages(conversation, options);
        List<Answer> answers = answers(conversation, messages, options.lossScale());
        Rendered whole = rendered(variables.variables(conversation, messages, false, options), options);
        List<Piece> pieces = marksAnswers ? marked(whole, answers, messages)
                : differences(conversation, messages, answers, whole.text(), options);
        return weighted(whole.text(), pieces, options.lossScale());
    }

    @Override
    public Prompt promptFor(Conversation conversation, RenderOptions options) {
        refuseSplit(options);
        List<Map<String, Object>> messages = variables.messages(conversation, options);
        String text = text(conversation, messages, true, options);
        String open = text(conversation, messages, false, options);
        String added = text.startsWith(open) ? text.substring(open.length()) : "";
        int think = added.indexOf("<think>");
        return new Prompt(List.of(new Segment(text, 0, true)), think < 0 ? "" : added.substring(think));
    }

    private static void refuseSplit(RenderOptions options) {
        if (options.splitSpecialTokens()) {
            throw new IllegalArgumentException("split_special_tokens needs a built-in template: in the text of --template jinja the row's part is not"
                    + " known");
        }
    }

    /**
     * A run of assistant's messages.
     *
     * @param from   index of its first message
     * @param to     index after its last
     * @param weight of its text; 0 = not trained
     * @param fixed  whether the row itself set the weight, so that no rule changes it
     */
    private record Answer(int from, int to, float weight, boolean fixed, String query) {
    }

    /** A part of the text that belongs to an answer. */
    private record Piece(int start, int end, Answer answer) {
    }

    private static List<Answer> answers(Conversation conversation, List<Map<String, Object>> messages, LossScale scale) {
        List<Answer> answers = new ArrayList<>();
        int at = 0;
        for (Turn turn : Turn.of(conversation)) {
            if (turn.speaker() != Role.ASSISTANT) {
                continue;
            }
            while (!"assistant".equals(messages.get(at).get("role"))) {
                at++;
            }
            int from = at;
            while (at < messages.size() && "assistant".equals(messages.get(at).get("role"))) {
                at++;
            }
            Float loss = turn.messages().get(0).loss();
            if (turn.messages().stream().anyMatch(message -> !Objects.equals(message.loss(), loss))) {
                throw new BadRowException(Reason.TEMPLATE, "the messages of one assistant's turn have different loss values: with --template jinja"
                        + " they must be equal");
            }
            float weight = loss != null ? loss : scale.isLastRound() && !turn.lastRound() ? 0 : 1;
            answers.add(new Answer(from, at, weight, loss != null, turn.query()));
        }
        return answers;
    }

    /** Pieces from generation blocks: one block for each assistant's message, or any number where all answers weigh the same. */
    private static List<Piece> marked(Rendered whole, List<Answer> answers, List<Map<String, Object>> messages) {
        List<Answer> byMessage = new ArrayList<>();
        for (Answer answer : answers) {
            for (int i = answer.from(); i < answer.to(); i++) {
                byMessage.add(answer);
            }
        }
        List<Rendered.Span> spans = whole.generated();
        boolean alike = answers.stream().map(answer -> answer.weight() + " " + answer.fixed()).distinct().count() <= 1;
        if (spans.size() != byMessage.size() && (!alike || answers.isEmpty())) {
            throw new BadRowException(Reason.TEMPLATE, "the chat template marked " + spans.size() + " generation blocks for " + byMessage.size()
                    + " assistant's messages of " + messages.size() + ": they cannot be told apart for loss_scale and loss");
        }
        List<Piece> pieces = new ArrayList<>();
        for (int i = 0; i < spans.size(); i++) {
            Answer answer = byMessage.get(Math.min(i, byMessage.size() - 1));
            pieces.add(new Piece(spans.get(i).start(), spans.get(i).end(), answer));
        }
        return pieces;
    }

    private List<Piece> differences(Conversation conversation, List<Map<String, Object>> messages, List<Answer> answers, String whole,
                                    RenderOptions options) {
        float base = options.lossScale().base() == LossScale.Base.ALL ? 1 : 0;
        List<Piece> pieces = new ArrayList<>();
        for (Answer answer : answers) {
            if (answer.weight() == base) {
                continue;
            }
            String before = text(conversation, messages.subList(0, answer.from()), true, options);
            String after = answer.to() == messages.size() ? whole
                    : text(conversation, messages.subList(0, answer.to()), false, options);
            if (!after.startsWith(before) || !whole.startsWith(after)) {
                throw new BadRowException(Reason.TEMPLATE, "the model's chat template writes an answer differently once a turn follows or where it is"
                        + " generated (message " + answer.from() + "), so that the trained part is unknown: use the built-in template of the model,"
                        + " or loss_scale last_round, or put {% generation %} blocks into the chat template");
            }
            pieces.add(new Piece(before.length(), before.length() + withoutTail(after.substring(before.length())), answer));
        }
        return pieces;
    }

    /** Length of an answer without the line break that follows its end token. */
    private int withoutTail(String answer) {
        String end = model.specialTokens().getOrDefault("eos_token", "");
        int at = end.isEmpty() ? -1 : answer.lastIndexOf(end);
        return at >= 0 && answer.substring(at + end.length()).isBlank() ? at + end.length() : answer.length();
    }

    private List<Segment> weighted(String whole, List<Piece> pieces, LossScale scale) {
        float base = scale.base() == LossScale.Base.ALL ? 1 : 0;
        SegmentWriter out = new SegmentWriter();
        int at = 0;
        for (Piece piece : pieces) {
            out.markup(whole.substring(at, piece.start()), base);
            String text = whole.substring(piece.start(), piece.end());
            String end = model.specialTokens().getOrDefault("eos_token", "");
            String tail = !end.isEmpty() && text.endsWith(end) ? end : "";
            if (piece.answer().fixed() || piece.answer().weight() == 0) {
                out.markup(text, piece.answer().weight());
            } else {
                scale.weigh(piece.answer().query(), text.substring(0, text.length() - tail.length()))
                        .forEach(part -> out.markup(part.text(), part.weight()));
                out.markup(tail, 1);
            }
            at = piece.end();
        }
        out.markup(whole.substring(at), base);
        return out.segments();
    }

    private String text(Conversation conversation, List<Map<String, Object>> messages, boolean prompt, RenderOptions options) {
        return guarded(() -> compiled().text(variables.variables(conversation, messages, prompt, options), options.date().atStartOfDay()));
    }

    private Rendered rendered(Map<String, Object> variables, RenderOptions options) {
        return guarded(() -> compiled().render(variables, options.date().atStartOfDay()));
    }

    private static <T> T guarded(Supplier<T> rendering) {
        try {
            return rendering.get();
        } catch (JinjaException e) {
            throw new BadRowException(Reason.TEMPLATE, e.kind() == JinjaException.Kind.RAISED ? "the chat template refuses the row: " + e.fault()
                    : "the chat template fails on the row: " + e.getMessage(), e);
        }
    }

    /** Compiled again after a journey to another JVM. */
    private JinjaTemplate compiled() {
        JinjaTemplate template = compiled;
        if (template == null) {
            template = JinjaTemplate.compile(model.chatTemplate());
            compiled = template;
        }
        return template;
    }
}
