package ai.sparktron.pipeline.hub;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Which files of a repository are wanted: globs in which {@code *} stops at a slash and {@code **} does not.
 *
 * @param include a file is wanted if one of these matches
 * @param exclude and none of these does
 */
public record FilePatterns(List<String> include, List<String> exclude) {

    /** What a trainer reads of a model repository: weights, configurations, tokenizer; top level only. */
    public static final FilePatterns MODEL = new FilePatterns(
            List.of("*.safetensors", "*.safetensors.index.json", "config.json", "generation_config.json", "tokenizer*", "vocab*", "merges.txt",
                    "special_tokens_map.json", "added_tokens.json", "chat_template*", "*.jinja", "configuration.json", "adapter_config.json",
                    "preprocessor_config.json", "LICENSE*", "NOTICE*"),
            List.of());

    /** The files of a model repository that text processing needs: everything of {@link #MODEL} but the weights. */
    public static final FilePatterns MODEL_WITHOUT_WEIGHTS = new FilePatterns(MODEL.include, List.of("*.safetensors"));

    public FilePatterns {
        include = List.copyOf(include);
        exclude = List.copyOf(exclude);
    }

    /** Patterns that match any of the given globs. */
    public static FilePatterns of(List<String> globs) {
        return new FilePatterns(globs, List.of());
    }

    /** The wanted files, in the listing's order. */
    public List<HubFile> select(List<HubFile> files) {
        List<Pattern> wanted = include.stream().map(FilePatterns::compile).toList();
        List<Pattern> unwanted = exclude.stream().map(FilePatterns::compile).toList();
        List<HubFile> selected = new ArrayList<>();
        for (HubFile file : files) {
            if (anyMatches(wanted, file.path()) && !anyMatches(unwanted, file.path())) {
                selected.add(file);
            }
        }
        return selected;
    }

    private static boolean anyMatches(List<Pattern> patterns, String path) {
        for (Pattern pattern : patterns) {
            if (pattern.matcher(path).matches()) {
                return true;
            }
        }
        return false;
    }

    private static Pattern compile(String glob) {
        StringBuilder regex = new StringBuilder();
        for (int i = 0; i < glob.length(); i++) {
            char c = glob.charAt(i);
            if (c == '*' && i + 1 < glob.length() && glob.charAt(i + 1) == '*') {
                boolean folders = i + 2 < glob.length() && glob.charAt(i + 2) == '/';
                regex.append(folders ? "(?:.*/)?" : ".*");
                i += folders ? 2 : 1;
            } else if (c == '*') {
                regex.append("[^/]*");
            } else if (c == '?') {
                regex.append("[^/]");
            } else {
                regex.append(Pattern.quote(String.valueOf(c)));
            }
        }
        return Pattern.compile(regex.toString());
    }
}
