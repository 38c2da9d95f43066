/// Images made and decoded by programs in Python that share no code with libpng or libjpeg.
enum ImageVectors {
  /// 4 x 5 colours of 16 bits, interlaced (Adam7).
  static let interlaced16Bit =
    "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAEEAIAAAHuxo7CAAAAi0lEQVR42gGAAH//AAAAUgmkEgCMpN6tMLYARlKYW+pkAGWet6cJsKvw/flQAv"
    + "JCREuWVAAjKXUyxztpe7uEDY0AiMfa0CzZzxkhInMrADLPhNjW4VX4qAH6CnkhyyodM5xK7lNAXL9zEXxjhQCYbep2PH+7lg2fX6jevzDIgtEB"
    + "6FPxpfolEXcaySPXWjmRR56GZQAAAABJRU5ErkJggg=="
  /// round(v / 257) of each sample.
  static let interlaced16BitPixels: [Float] = [
    0, 82, 163, 35, 117, 198, 70, 152, 233, 105, 187, 13, 140, 222, 49, 51, 132, 214, 86, 167, 249, 121, 202, 29, 156,
    237, 64, 191, 17, 99, 101, 183, 10, 136, 218, 45, 171, 253, 80, 206, 33, 115, 241, 68, 150, 152, 234, 60, 187, 14,
    95, 222, 49, 130, 2, 84, 165, 37, 119, 200,
  ]

  /// 3 x 5, a palette of 4 bits whose third colour is transparent.
  static let palette =
    "iVBORw0KGgoAAAANSUhEUgAAAAUAAAADBAMAAACpGNjLAAAAD1BMVEX/AAAKyB4AAP+AgIBaUEYPcdDeAAAAA3RSTlP//wDXyg1BAAAAFElEQV"
    + "R42mNgVHZgcFZkYBBkMgAABrcBDOjH4+AAAAAASUVORK5CYII="
  static let palettePixels: [Float] = [
    255, 0, 0, 10, 200, 30, 0, 0, 0, 128, 128, 128, 90, 80, 70, 90, 80, 70, 128, 128, 128, 0, 0, 0, 10, 200, 30, 255,
    0, 0, 10, 200, 30, 10, 200, 30, 255, 0, 0, 0, 0, 0, 128, 128, 128,
  ]

  /// 9 x 10 colours at quality 85, chroma at full resolution.
  static let jpeg =
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAUDBAQEAwUEBAQFBQUGBwwIBwcHBw8LCwkMEQ8SEhEPERETFhwXExQaFRERGCEYGh0dHx8fExciJC"
    + "IeJBweHx7/2wBDAQUFBQcGBw4ICA4eFBEUHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh7/wAARCAAJ"
    + "AAoDAREAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhBy"
    + "JxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKT"
    + "lJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAA"
    + "AAAAECAwQFBgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRom"
    + "JygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExc"
    + "bHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwBnhbxBu2fP+tfMrIvb9DwuHcltbQ7pNb+Rfn7U/wDU6/2T9Rhl"
    + "HurQ8S8H/wAFfc5d0PC4f6Hocf8Aq1+gr6hbH6VD4Uf/2Q=="
  /// With the inverse cosine transform and the colours computed in double.
  static let jpegPixels: [Float] = [
    22, 198, 55, 40, 198, 59, 61, 199, 60, 82, 198, 61, 100, 198, 59, 120, 198, 60, 143, 199, 62, 158, 200, 66, 183,
    198, 57, 193, 200, 62, 23, 184, 55, 40, 184, 60, 62, 186, 64, 84, 185, 65, 101, 185, 64, 121, 185, 65, 144, 184,
    69, 159, 186, 73, 185, 185, 71, 195, 187, 76, 28, 168, 59, 44, 169, 65, 68, 170, 70, 88, 170, 72, 105, 169, 73,
    126, 169, 79, 149, 169, 82, 165, 170, 88, 190, 168, 92, 199, 169, 96, 33, 154, 61, 49, 155, 67, 71, 156, 73, 92,
    156, 80, 109, 155, 83, 130, 155, 90, 154, 155, 98, 169, 156, 103, 192, 154, 109, 202, 155, 113, 34, 139, 57, 49,
    140, 63, 71, 140, 73, 92, 140, 82, 110, 140, 90, 131, 139, 100, 153, 140, 108, 168, 140, 116, 193, 140, 122, 204,
    142, 127, 38, 125, 57, 52, 126, 65, 74, 126, 77, 95, 125, 89, 114, 124, 99, 133, 123, 111, 156, 125, 123, 172,
    125, 131, 196, 125, 139, 208, 127, 144, 42, 110, 63, 58, 110, 71, 81, 111, 85, 100, 111, 97, 119, 109, 110, 139,
    108, 123, 162, 109, 137, 177, 109, 146, 201, 108, 161, 210, 109, 165, 42, 96, 62, 58, 96, 71, 81, 97, 86, 101, 96,
    100, 120, 95, 116, 140, 94, 130, 163, 95, 144, 179, 96, 152, 204, 95, 176, 214, 96, 180, 46, 79, 60, 61, 80, 74,
    84, 80, 95, 105, 80, 110, 125, 80, 123, 145, 80, 138, 167, 80, 159, 183, 80, 172, 205, 78, 191, 218, 83, 201,
  ]
}
