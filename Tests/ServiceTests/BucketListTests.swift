import TestSupport
import Testing

@Suite("Lists of a bucket's uploads", .service())
struct BucketListTests {
    /// Announces uploads `a.jpg` (1,000 bytes) to `e.txt` (5,000), and completes the last.
    private func filled() throws -> BucketClient {
        let client = BucketClient(try Service.tenant())
        let files: [(name: String, type: String, metadata: JSON)] = [
            ("a.jpg", "image/jpeg", ["campaign": "summer", "rank": 1, "tags": ["x", "y"]]),
            ("b.jpg", "image/jpeg", ["campaign": "winter", "rank": 2]),
            ("c_100%.png", "image/png", ["campaign": "Summer sale", "rank": "3"]),
            ("d.bin", "application/x", ["deep": ["er": true]]), ("e.txt", "text/plain", [:]),
        ]
        for (index, file) in files.enumerated() {
            let upload = try client.announced(
                file.name, contentType: file.type,
                ["file_size_bytes": .number(Double(index + 1) * 1_000), "metadata": file.metadata])
            guard index == 4 else { continue }
            _ = try client.put(upload, .bytes(Sample.noise(5_000)))
            _ = try client.confirm(upload.id)
        }
        return client
    }

    private func names(_ client: BucketClient, _ body: JSON, query: String = "") throws -> [String] {
        let answer = try client.list(body, query: query)
        guard answer.status == 200 else { throw SupportError("\(answer.status) \(answer.text)") }
        return try answer.json["results"].array.map { $0["filename"].string ?? "?" }
    }

    @Test("Newest first, with true counts")
    func plain() throws {
        let client = try filled()
        let list = try client.list().json
        #expect(list["results"].array.map { $0["filename"] } == ["e.txt", "d.bin", "c_100%.png", "b.jpg", "a.jpg"])
        let stats = list["stats"]
        #expect(stats["total_uploads"] == 5)
        #expect(stats["total_size_bytes"] == 15_000)
        #expect(stats["avg_file_size_bytes"] == 3_000)
        #expect(stats["uploads_by_status"] == ["PENDING": 4, "COMPLETED": 1])
        #expect(stats["unique_buckets"] == 1)
        #expect(list["pagination"]["total"] == .null)
        #expect(try client.list([:], query: "?include_total=true").json["pagination"]["total"] == 5)
    }

    @Test(
        "Filters find what they say, in their short and long forms",
        arguments: [
            (#"{"status":"COMPLETED"}"#, "e.txt"),
            (#"{"status":["COMPLETED","PENDING"]}"#, "e.txt d.bin c_100%.png b.jpg a.jpg"),
            (#"{"metadata.campaign":"summer"}"#, "a.jpg"), (#"{"metadata.deep.er":true}"#, "d.bin"),
            (#"{"metadata.tags":"y"}"#, "a.jpg"), (#"{"metadata.rank":2}"#, "b.jpg"),
            (#"{"metadata.rank":"3"}"#, "c_100%.png"),
            (#"{"metadata.rank":3}"#, ""),
            (
                #"{"AND":[{"field":"file_size_bytes","operator":"gte","value":2000},{"field":"file_size_bytes","operator":"lt","value":4000}]}"#,
                "c_100%.png b.jpg"
            ),
            (#"{"OR":[{"field":"filename","value":"a.jpg"},{"status":"COMPLETED"}]}"#, "e.txt a.jpg"),
            (#"{"NOT":[{"field":"content_type","operator":"starts_with","value":"IMAGE/"}]}"#, "e.txt d.bin"),
            (
                #"{"case_sensitive":true,"AND":[{"field":"content_type","operator":"starts_with","value":"IMAGE/"}]}"#,
                ""
            ),
            (#"{"AND":[{"field":"filename","operator":"contains","value":"_100%"}]}"#, "c_100%.png"),
            (#"{"AND":[{"field":"filename","operator":"ends_with","value":".JPG"}]}"#, "b.jpg a.jpg"),
            (#"{"AND":[{"field":"metadata.campaign","operator":"contains","value":"summer"}]}"#, "c_100%.png a.jpg"),
            (#"{"AND":[{"field":"metadata.campaign","operator":"exists","value":false}]}"#, "e.txt d.bin"),
            (
                #"{"AND":[{"field":"metadata.campaign","operator":"ne","value":"summer"}]}"#,
                "e.txt d.bin c_100%.png b.jpg"
            ),
            (#"{"AND":[{"field":"metadata.rank","operator":"gt","value":1}]}"#, "b.jpg"),
            (
                #"{"AND":[{"field":"completed_at","operator":"is_null","value":true},{"OR":[{"filename":"a.jpg"},{"filename":"d.bin"}]}]}"#,
                "d.bin a.jpg"
            ),
            (
                #"{"AND":[{"field":"created_at","operator":"gt","value":"2020-01-01T00:00:00Z"},{"field":"filename","operator":"in","value":["a.jpg"]}]}"#,
                "a.jpg"
            ),
            (#"{"AND":[{"field":"filename","operator":"nin","value":["a.jpg","b.jpg","d.bin"]}]}"#, "e.txt c_100%.png"),
            (#"{"AND":[]}"#, "e.txt d.bin c_100%.png b.jpg a.jpg"), (#"{"OR":[]}"#, ""),
        ])
    func filters(filter: String, expected: String) throws {
        let client = try filled()
        let found = try names(client, ["filters": try JSON(parsing: filter)])
        #expect(found.joined(separator: " ") == expected)
        let stats = try client.list(["filters": try JSON(parsing: filter)]).json["stats"]
        #expect(stats["total_uploads"].int == found.count)
    }

    @Test(
        "A filter that cannot be meant is refused with its place",
        arguments: [
            #"{"colour":"red"}"#, #"{"status":"NOWHERE"}"#, #"{"AND":{"field":"status"}}"#, #"{"AND":[5]}"#,
            #"{"AND":[{"field":"filename","operator":"regex","value":"a"}]}"#, #"{"AND":[{"field":5,"value":1}]}"#,
            #"{"AND":[{"field":"file_size_bytes","operator":"contains","value":"1"}]}"#,
            #"{"AND":[{"field":"file_size_bytes","value":"1"}]}"#, #"{"AND":[{"field":"status","surprise":1}]}"#,
            #"{"AND":[{"field":"filename","operator":"in","value":"a"}]}"#, #"{"case_sensitive":"yes"}"#,
            #"{"AND":[{"AND":[{"AND":[{"AND":[{"AND":[{"AND":[{"AND":[{"AND":[{"AND":[]}]}]}]}]}]}]}]}]}"#,
        ])
    func badFilters(filter: String) throws {
        let client = BucketClient(try Service.tenant())
        let answer = try client.list(["filters": try JSON(parsing: filter)])
        #expect(answer.summary == "422 validation_error")
        let location = try answer.json["error"]["details"]["validation_errors"][0]["location"].array
        #expect(location.prefix(2) == ["body", "filters"])
    }

    @Test(
        "Search looks into names and metadata, in any case, and takes nothing for a wildcard",
        arguments: [
            ("SUMMER", "c_100%.png a.jpg"), ("jp", "b.jpg a.jpg"), ("_100%", "c_100%.png"), ("%", "c_100%.png"),
            ("\"", ""), ("sum* OR winter", ""), ("nowhere", ""), ("true", "d.bin"),
        ])
    func search(text: String, expected: String) throws {
        let client = try filled()
        #expect(try names(client, ["search": .string(text)]).joined(separator: " ") == expected)
    }

    @Test("Lists are ordered by any field, metadata too")
    func order() throws {
        let client = try filled()
        func sorted(_ field: String, _ direction: JSON = nil) throws -> String {
            let sort: JSON = ["field": .string(field), "direction": direction]
            return try names(client, ["sort": sort]).compactMap { $0.first.map(String.init) }.joined()
        }
        #expect(try sorted("file_size_bytes", "asc") == "abcde")
        #expect(try sorted("filename", "desc") == "edcba")
        #expect(try sorted("filename") == "edcba")
        #expect(try sorted("created_at", "asc") == "abcde")
        #expect(try sorted("metadata.rank", "desc").hasPrefix("ba"))
        #expect(try client.list(["sort": ["field": "colour"]]).status == 422)
        #expect(try client.list(["sort": ["field": "filename", "direction": "up"]]).status == 422)
    }

    // The cursor's number was added to, and its overflow ended the whole process.
    @Test("A cursor that no page named is refused, however large its number")
    func largeCursor() throws {
        let client = BucketClient(try Service.tenant())
        for offset in ["9223372036854775807", "9223372036854775806", "1000000001", "-1", "+5x"] {
            let answer = try client.list([:], query: "?limit=1&cursor=offset.\(offset)")
            #expect(answer.summary == "422 validation_error", "\(offset)")
        }
        #expect(try client.list([:], query: "?limit=1&cursor=offset.1000000000").status == 200)
    }

    // Each value was a parameter of its own, and SQLite looks numbered ones up one after the other.
    @Test("A filter of many values is answered quickly or refused, and never fails the service")
    func largeFilters() throws {
        let client = try filled()
        let many = JSON.array((1...1_000).map { .number(Double($0)) })
        #expect(try client.list(["filters": ["metadata.rank": many]]).json["stats"]["total_uploads"] == 2)
        #expect(try client.list(["filters": ["file_size_bytes": many]]).json["stats"]["total_uploads"] == 1)
        let lists = JSON.array(
            Array(repeating: ["field": "file_size_bytes", "operator": "in", "value": many], count: 2))
        #expect(try client.list(["filters": ["AND": lists]]).summary == "422 validation_error")
        for name in ["AND", "OR", "NOT"] {
            let groups = JSON.array(Array(repeating: [:], count: 1_500))
            #expect(try client.list(["filters": [name: groups]]).summary == "422 validation_error")
        }
    }

    @Test("Metadata compares by kind: a number is no text that reads like it, and null is there and not")
    func kinds() throws {
        let client = BucketClient(try Service.tenant())
        let long = String(repeating: "long ", count: 500)
        let metadata: [(String, JSON)] = [
            ("mixed", ["v": ["5", 5]]), ("true", ["v": true]), ("text", ["v": "true"]), ("null", ["v": nil]),
            ("object", ["v": ["inner": 1]]), ("long", ["v": .string(long)]), ("none", [:]),
        ]
        for (name, value) in metadata { _ = try client.announced(name, ["metadata": value]) }
        func found(_ filter: JSON) throws -> [String] { try names(client, ["filters": filter]).sorted() }
        #expect(try found(["metadata.v": 5]) == ["mixed"])
        #expect(try found(["metadata.v": "5"]) == ["mixed"])
        #expect(try found(["metadata.v": true]) == ["true"])
        #expect(try found(["metadata.v": "true"]) == ["text"])
        #expect(try found(["metadata.v": nil]) == ["none", "null"])
        #expect(try found(["metadata.v": "null"]) == [])
        #expect(try found(["metadata.v": .string(long)]) == ["long"])
        #expect(try found(["metadata.v.inner": 1]) == ["object"])
        let exists: JSON = ["field": "metadata.v", "operator": "exists", "value": true]
        #expect(try found(["AND": [exists]]) == ["long", "mixed", "object", "text", "true"])
        let less: JSON = ["field": "metadata.v", "operator": "lt", "value": "zzz"]
        #expect(try found(["AND": [less]]) == ["long", "mixed", "text"])
        let values = JSON.array((0...500).map { .number(Double($0)) })
        #expect(try client.announce("many", ["metadata": ["v": values]]).summary == "422 validation_error")
    }

    @Test("The hash that an upload shows is the hash that it is found by")
    func hashes() throws {
        let client = BucketClient(try Service.tenant())
        let upload = try client.sent(Sample.text)
        #expect(try client.confirm(upload.id).status == 200)
        let hash = try Digest.sha256(Sample.text)
        #expect(try names(client, ["filters": ["file_hash": .string(hash)]]) == ["file.bin"])
    }

    @Test("Pages by cursor, by offset and by number show every upload once", arguments: ["created_at", "filename"])
    func pages(field: String) throws {
        let client = try filled()
        let body: JSON = ["sort": ["field": .string(field), "direction": "asc"], "limit": 2]
        var found: [String] = []
        var query = ""
        repeat {
            let page = try client.list(body, query: query).json
            found += page["results"].array.compactMap { $0["filename"].string }
            query = page["pagination"]["next_cursor"].string.map { "?cursor=\($0)" } ?? ""
        } while !query.isEmpty && found.count < 20
        #expect(found == ["a.jpg", "b.jpg", "c_100%.png", "d.bin", "e.txt"])
        #expect(try names(client, body, query: "?page=2&limit=2") == ["c_100%.png", "d.bin"])
        #expect(try names(client, body, query: "?offset=4") == ["e.txt"])
        // The official SDK sends an offset of 0 with every list, also with one that names a page.
        let withOffset: JSON = ["sort": ["field": .string(field), "direction": "asc"], "offset": 0]
        #expect(try names(client, withOffset, query: "?page=3&page_size=2") == ["e.txt"])
        #expect(try client.list(body, query: "?page=2&include_total=true").json["pagination"]["total_pages"] == 3)
        for query in ["?limit=0", "?limit=1001", "?offset=-1", "?cursor=x", "?surprise=1"] {
            #expect(try client.list(body, query: query).summary == "422 validation_error", "\(query)")
        }
    }
}
