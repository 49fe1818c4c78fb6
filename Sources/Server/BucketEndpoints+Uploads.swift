import BlobStore
import Buckets
import Execution
import UploadPipeline

extension BucketEndpoints {
    /// Announced uploads work with what every upload works with.
    init(_ services: UploadServices, publicURL: String?, executor: BlockingExecutor) {
        self.init(
            services: BucketServices(
                database: services.database, blobs: services.blobs, credits: services.credits,
                register: services.register, confirmation: UploadConfirmation(services: services),
                content: UploadContent(store: services.content), time: services.time, log: services.log,
                publicURL: publicURL),
            node: services.blobs.nodeID, executor: executor)
    }
}
