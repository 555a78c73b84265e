package ai.sparktron.pipeline.template;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A rule that weighs parts of an answer by what they say: either by pattern (what matches has a weight) or by keyword (the keyword has one weight and
 * the text up to the next keyword another). The values are those of Megatron-SWIFT's rules of the same names.
 *
 * @param name     what {@code --loss_scale} calls it
 * @param pattern  regular expression, or null where keywords are used
 * @param weight   of what the pattern matches
 * @param keywords keyword to its weight and that of the text after it
 * @param queries  texts in the question that weigh the whole answer
 */
record WeightRule(String name, String pattern, float weight, Map<String, Pair> keywords, Map<String, Float> queries) implements Serializable {

    /** Weights of a keyword and of what follows it. */
    record Pair(float keyword, float content) implements Serializable {
    }

    /** A piece of an answer. */
    record Part(String text, float weight) {
    }

    private static final Map<String, WeightRule> RULES = rules();

    private static Map<String, WeightRule> rules() {
        Map<String, WeightRule> rules = new LinkedHashMap<>();
        Pair strong = new Pair(2, 2);
        Pair plain = new Pair(1, 1);
        Pair mark = new Pair(2, 0);
        Map<String, Pair> react = ordered("Action:", strong, "Action Input:", strong, "Thought:", plain, "Final Answer:", plain,
                "Observation:", mark);
        Map<String, Pair> umi = new LinkedHashMap<>(react);
        umi.put("Next:", strong);
        Pair triple = new Pair(1, 3);
        Map<String, Pair> flan = ordered("Name:", triple, "Action:", triple, "ACTION:", triple, "Tool:", triple, "Command", triple,
                "Arguments:", triple, "action input", triple, "ACTION_INPUT:", triple, "Action Input:", triple, "Thought:", plain,
                "Final Answer:", plain, "Observation:", mark);
        Map<String, Float> questions = new LinkedHashMap<>();
        for (String question : List.of("What is the tool you want to use", "What are the required parameter names", "What is the value of")) {
            questions.put(question, 3f);
        }
        add(rules, new WeightRule("ignore_empty_think", "^<think>\\s*</think>\\s*", 0, Map.of(), Map.of()));
        add(rules, new WeightRule("ignore_think_prefix", "^<think>\\n?", 0, Map.of(), Map.of()));
        add(rules, new WeightRule("hermes", "<tool_call>.+?</tool_call>", 2, Map.of(), Map.of()));
        add(rules, new WeightRule("react", null, 1, react, Map.of()));
        add(rules, new WeightRule("alpha_umi", null, 1, umi, Map.of()));
        add(rules, new WeightRule("qwen", null, 1, ordered("✿FUNCTION✿:", strong, "✿ARGS✿:", strong, "✿RETURN✿:", plain, "✿RESULT✿:", mark),
                Map.of()));
        add(rules, new WeightRule("agentflan", null, 1, flan, questions));
        return rules;
    }

    private static void add(Map<String, WeightRule> rules, WeightRule rule) {
        rules.put(rule.name(), rule);
    }

    private static Map<String, Pair> ordered(Object... entries) {
        Map<String, Pair> map = new LinkedHashMap<>();
        for (int i = 0; i < entries.length; i += 2) {
            map.put((String) entries[i], (Pair) entries[i + 1]);
        }
        return map;
    }

    /** The rule of that name, or null. */
    static WeightRule named(String name) {
        return RULES.get(name);
    }

    static TreeSet<String> names() {
        return new TreeSet<>(RULES.keySet());
    }

    List<Part> weigh(String query, String answer) {
        for (Map.Entry<String, Float> entry : queries.entrySet()) {
            if (query.contains(entry.getKey())) {
                return List.of(new Part(answer, entry.getValue()));
            }
        }
        return keywords.isEmpty() ? byPattern(answer) : byKeyword(answer);
    }

    private List<Part> byPattern(String answer) {
        List<Part> parts = new ArrayList<>();
        Matcher matcher = Pattern.compile(pattern, Pattern.DOTALL).matcher(answer);
        int end = 0;
        while (matcher.find()) {
            add(parts, answer.substring(end, matcher.start()), 1);
            add(parts, matcher.group(), weight);
            end = matcher.end();
        }
        add(parts, answer.substring(end), 1);
        return parts;
    }

    private List<Part> byKeyword(String answer) {
        String any = keywords.keySet().stream().map(Pattern::quote).collect(Collectors.joining("|"));
        List<Part> parts = new ArrayList<>();
        Matcher matcher = Pattern.compile(any).matcher(answer);
        int end = 0;
        float following = 1;
        while (matcher.find()) {
            add(parts, answer.substring(end, matcher.start()), following);
            Pair pair = keywords.get(matcher.group());
            add(parts, matcher.group(), pair.keyword());
            following = pair.content();
            end = matcher.end();
        }
        add(parts, answer.substring(end), following);
        return parts;
    }

    private static void add(List<Part> parts, String text, float weight) {
        if (!text.isEmpty()) {
            parts.add(new Part(text, weight));
        }
    }
}
