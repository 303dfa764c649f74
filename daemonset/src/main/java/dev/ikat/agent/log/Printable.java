package dev.ikat.agent.log;

import java.util.regex.Pattern;

/**
 * Text from elsewhere (names, arguments, messages) in a form that is safe on a terminal, in a log or on a page: on one
 * line, and without characters that are invisible or move others. Such a character becomes <code>&#92;u001b</code>, as
 * in Java and JSON.
 */
public final class Printable {
    private static final Pattern LINE_BREAKS = Pattern.compile("\\s*[\\r\\n]+\\s*");
    private static final Pattern LAST_LINE_BREAK = Pattern.compile("\\s*[\\r\\n]+\\s*$");

    private Printable() {}

    /** The text on one line: line breaks become bars. */
    public static String line(String text) {
        return escape(joined(text), false);
    }

    /** The text in quotation marks, on one line, so that it is seen where it ends. */
    static String quoted(String text) {
        return '"' + escape(joined(text), true) + '"';
    }

    /** The text as the value of a key: in quotation marks where it could be taken for more than a value. */
    static String value(String text) {
        return !text.isEmpty() && text.codePoints().allMatch(Printable::isOfAWord) ? text : quoted(text);
    }

    private static boolean isOfAWord(int codePoint) {
        return isVisible(codePoint) && codePoint != ' ' && codePoint != '"' && codePoint != '=' && codePoint != '\\';
    }

    private static String joined(String text) {
        return LINE_BREAKS
                .matcher(LAST_LINE_BREAK.matcher(text).replaceFirst(""))
                .replaceAll(" | ");
    }

    private static String escape(String text, boolean quotes) {
        StringBuilder escaped = new StringBuilder(text.length() + 16);
        text.codePoints().forEach(codePoint -> {
            if (quotes && (codePoint == '"' || codePoint == '\\')) {
                escaped.append('\\').append((char) codePoint);
            } else if (isVisible(codePoint)) {
                escaped.appendCodePoint(codePoint);
            } else {
                for (char unit : Character.toChars(codePoint)) {
                    escaped.append(escaped(unit));
                }
            }
        });
        return escaped.toString();
    }

    /** The character as <code>&#92;uXXXX</code>. */
    static String escaped(char unit) {
        return "\\u%04x".formatted((int) unit);
    }

    /** Whether the character is seen, and is all that one sees of it. */
    static boolean isVisible(int codePoint) {
        return switch (Character.getType(codePoint)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR -> false;
            case Character.SPACE_SEPARATOR -> codePoint == ' ';
            default -> true;
        };
    }
}
