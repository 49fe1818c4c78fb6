import Domain

// What keeps one organization's files from taking all workers away from the others.
extension Supervisor {
    /// A scan that ran this long, while its organization holds every worker and others wait, is put off.
    static let patienceSeconds = 0.5

    /// Whether a scan may have this worker now.
    func mayRun(_ scan: PendingScan, in slot: WorkerSlot, now: Double) -> Bool {
        let organization = scan.job.organization
        // The second attempt is another worker's, where there is one.
        if scan.failedSlots.contains(slot.number), slots.contains(where: { $0.isLive && $0 !== slot }) { return false }
        guard scan.runsAlone || suspects.contains(organization, now: now) else {
            guard suspects.isSlow(organization, now: now) else { return true }
            let others = slots.count { $0.isLive && $0 !== slot && $0.holder != organization }
            return others > 0 || slots.count(where: \.isLive) == 1
        }
        return !slots.contains { $0.holder == organization } && !suspects.isPausing(organization, now: now)
    }

    /// Puts off the latest of an organization's scans, where they hold every worker for long and others wait. It is not
    /// the file's failure, and it runs again, when nothing else of its organization does.
    func preempt(now: Double) {
        guard let scans = longHeldWorkers(), let moment = nextPreemption, moment <= now else { return }
        let latest = scans.max { $0.startedAt < $1.startedAt }
        guard let latest, let slot = slots.first(where: { $0.number == latest.slot }) else { return }
        if let organization = slot.holder { suspects.noteSlow(organization, now: now) }
        end(slot, .preempted)
    }

    /// When that is due.
    var nextPreemption: Double? {
        guard let scans = longHeldWorkers() else { return nil }
        return scans.map { $0.startedAt + Self.patienceSeconds }.max()
    }

    /// The scans of all live workers, where there are several, all one organization's, and others wait.
    private func longHeldWorkers() -> [(slot: Int, startedAt: Double)]? {
        let live = slots.filter(\.isLive)
        guard live.count > 1, let organization = live[0].holder, live.allSatisfy({ $0.holder == organization }),
            queue.hasUploads(ofOtherThan: organization)
        else { return nil }
        return live.compactMap { slot in
            if case .scanning(let assignment) = slot.phase { (slot.number, assignment.startedAt) } else { nil }
        }
    }

    func nextRelease(after now: Double) -> Double? { queue.isEmpty ? nil : suspects.nextRelease(after: now) }
}
